from videobert_kernels.variant import KernelVariant

_HERE = "planted.broken.triton_kernel"


def variants() -> tuple[KernelVariant, ...]:
    pair = {"values": "*fp32", "out": "*fp32"}
    return (
        KernelVariant(
            name="spills",
            kernel=f"{_HERE}:centred",
            arguments=pair,
            constants={"BLOCK": 16384},
            warps=1,
            capabilities=(80,),
        ),
        KernelVariant(
            name="too_much_shared_memory",
            kernel=f"{_HERE}:product",
            arguments={"left": "*fp16", "right": "*fp16", "out": "*fp32", "size": "i32"},
            constants={"BLOCK": 64},
            aligned=("left", "right", "out", "size"),
            stages=8,
            capabilities=(80, 86),
        ),
        KernelVariant(
            name="does_not_compile",
            kernel=f"{_HERE}:uneven",
            arguments={"out": "*fp32"},
            constants={"BLOCK": 100},
            capabilities=(90,),
        ),
        KernelVariant(
            name="declares_too_little",
            kernel=f"{_HERE}:centred",
            arguments={"values": "*fp32"},
            constants={"BLOCK": 128},
            capabilities=(90,),
        ),
        KernelVariant(
            name="cannot_be_loaded",
            kernel=f"{_HERE}:gone",
            arguments={},
            constants={},
            capabilities=(90,),
        ),
    )
