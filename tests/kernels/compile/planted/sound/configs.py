from videobert_kernels.variant import KernelVariant


def variants() -> tuple[KernelVariant, ...]:
    return (
        KernelVariant(
            name="scaled_fp32",
            kernel="planted.sound.triton_kernel:scaled",
            arguments={"values": "*fp32", "out": "*fp32", "count": "i32", "factor": "fp32"},
            constants={"stride": 1, "BLOCK": 128},
            aligned=("values", "out"),
            capabilities=(80, 90, 120),
        ),
    )
