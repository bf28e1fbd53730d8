"""The plugins as TensorRT's builder sees them: what they take and give, and what they launch.

Each has one implementation and linear formats only, so there is nothing to tune: tiles are chosen by shape and
architecture, as everywhere in this package.
"""

# No `from __future__ import annotations` here: TensorRT reads the annotations and wants classes, not their names.

from typing import Any, Final

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid.configs import MAX_CENTROIDS
from videobert_kernels.ops.nearest_centroid.plan import DIM_PADDING
from videobert_kernels.tensorrt_plugins import pieces
from videobert_kernels.tensorrt_plugins.machine_code import PLAIN_SHARED_BYTES, plugin_code

NAMESPACE: Final = "videobert"
# Names of the plugins, with their attributes in order; all are integers, which ONNX files carry without loss.
PLUGINS: Final = {
    "NearestPrepare": ("exponent",),
    "NearestSearch": ("most_rows", "centroids"),
    "NearestRescore": ("most_rows",),
    "PackedAttention": ("causal", "longest_query"),
}


def register_plugins(
    capability: int, *, lazy: bool = False, most_shared_bytes: int = PLAIN_SHARED_BYTES
) -> tuple[str, ...]:
    """Make the plugins known to the TensorRT (10.14 or later, 11; not TensorRT-RTX) of this process, for one build.

    The kernels become part of the plan: running it needs neither Python nor this package. They are compiled when the
    builder asks for them, a second or two each.

    `NearestPrepare(points, center; exponent) -> (coarse, stats)`,
    `NearestSearch(coarse, codebook, norms, stats; most_rows, centroids) -> (first, second)` and
    `NearestRescore(points, centroids, bounds, stats, first, second; most_rows) -> (labels, distances)` together are
    `videobert_kernels.nearest_centroid`, exact, with the tensors of `pack_centroids(..., torch.float16)`. Points are
    fp32, fp16 or bf16 `(rows, dim)`; up to `most_rows` of 64 the engine never takes more rows, above any number.

    `PackedAttention(query, key, value, query_offsets, key_ranges; causal, longest_query) -> output` is
    `videobert_kernels.attention` with the scale `head_size ** -0.5`.

    Args:
        capability: of the GPU that the plan is built for and on, major * 10 + minor.
        lazy: register with TensorRT's registry when a plugin is first used through `tensorrt.plugin.op`, not now;
            the ONNX parser finds only what is registered.
        most_shared_bytes: shared memory a block may use. The default is what every launch may have; the kernels then
            run with shorter pipelines. Give `architecture(capability).shared_bytes` where TensorRT is known to ask the
            driver for more.

    Returns:
        The names, with their namespace.

    Raises:
        KernelError: TensorRT is missing or too old, the capability is unknown, or the plugins are registered already.
    """
    limit = architecture(capability).shared_bytes
    if not 0 < most_shared_bytes <= limit:
        raise KernelError("this GPU has other shared memory", seen=most_shared_bytes, allowed=f"1 to {limit}")
    _check_tensorrt()
    import tensorrt as trt
    import tensorrt.plugin as trtp

    if NAMESPACE in vars(trtp.op):
        raise KernelError("the plugins are registered already", fix="Build for each GPU in a process of its own.")

    kinds = {trt.DataType.FLOAT: "fp32", trt.DataType.HALF: "fp16", trt.DataType.BF16: "bf16"}

    def launch(piece: pieces.Piece, grid: Any, values: dict[str, Any]) -> tuple[str, str, Any, Any]:
        """`grid` takes the constants of the variant that was chosen."""
        code = plugin_code(piece.candidates, capability, most_shared_bytes)
        names = [name for name, kind in code.variant.arguments.items() if not kind.startswith("*")]
        integers = trtp.SymIntExprs(len(names))
        for index, name in enumerate(names):
            integers[index] = trtp.SymInt32(values[name] if name in values else piece.integers[name])
        params = trtp.KernelLaunchParams(
            grid_x=grid(code.variant.constants), block_x=code.threads, shared_mem=code.shared_bytes
        )
        return code.entry, code.ptx, params, integers

    def kind_of(name: str, tensor: Any) -> str:
        if tensor.dtype not in kinds:
            raise KernelError(f"{name} has the wrong type", seen=tensor.dtype, allowed=", ".join(kinds.values()))
        return kinds[tensor.dtype]

    def check(name: str, tensor: Any, dtype: Any, *shape: Any) -> None:
        """Refuse another type, another number of axes, or a known length that differs; None is any length."""
        lengths = list(tensor.shape_expr)
        if dtype is not None and tensor.dtype != dtype:
            raise KernelError(f"{name} has the wrong type", seen=tensor.dtype, allowed=dtype)
        known = [_constant(length) for length in lengths]
        wanted = [_constant(length) for length in shape]
        differs = any(a is not None and b is not None and a != b for a, b in zip(known, wanted, strict=False))
        if len(known) != len(wanted) or differs:
            shown = [", ".join("any" if n is None else str(n) for n in sizes) for sizes in (known, wanted)]
            raise KernelError(f"{name} has the wrong shape", seen=f"({shown[0]})", allowed=f"({shown[1]})")

    @trtp.register(f"{NAMESPACE}::NearestPrepare", lazy_register=lazy)  # type: ignore[untyped-decorator]
    def prepare(
        points: trtp.TensorDesc, center: trtp.TensorDesc, exponent: int
    ) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
        kind_of("points", points)
        check("points", points, None, None, None)
        rows, dim = points.shape_expr
        check("center", center, trt.DataType.FLOAT, dim)
        padded_dim = trtp.cdiv(dim, DIM_PADDING) * DIM_PADDING
        coarse = trtp.from_shape_expr((rows, padded_dim), trt.DataType.HALF)
        return coarse, trtp.from_shape_expr((3, rows), trt.DataType.FLOAT)

    @trtp.aot_impl(f"{NAMESPACE}::NearestPrepare")  # type: ignore[untyped-decorator]
    def prepare_code(
        points: trtp.TensorDesc,
        center: trtp.TensorDesc,
        exponent: int,
        outputs: tuple[trtp.TensorDesc],
        tactic: int,
    ) -> tuple[str, str, trtp.KernelLaunchParams, trtp.SymIntExprs]:
        rows, dim = points.shape_expr
        piece = pieces.prepare(kind_of("points", points), _fixed("points", dim), exponent, capability)
        return launch(piece, lambda constants: trtp.cdiv(rows, constants["ROWS"]), {"rows": rows})

    @trtp.register(f"{NAMESPACE}::NearestSearch", lazy_register=lazy)  # type: ignore[untyped-decorator]
    def search(
        coarse: trtp.TensorDesc,
        codebook: trtp.TensorDesc,
        norms: trtp.TensorDesc,
        stats: trtp.TensorDesc,
        most_rows: int,
        centroids: int,
    ) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
        check("coarse", coarse, trt.DataType.HALF, None, None)
        rows, padded_dim = coarse.shape_expr
        padded = pieces.padded_centroids(centroids)
        check("codebook", codebook, trt.DataType.HALF, padded, padded_dim)
        check("norms", norms, trt.DataType.FLOAT, padded)
        check("stats", stats, trt.DataType.FLOAT, 3, rows)
        tiles = pieces.tiles(most_rows, centroids)
        scores = trtp.from_shape_expr((rows, tiles), trt.DataType.FLOAT)
        return scores, scores.like()

    @trtp.aot_impl(f"{NAMESPACE}::NearestSearch")  # type: ignore[untyped-decorator]
    def search_code(
        coarse: trtp.TensorDesc,
        codebook: trtp.TensorDesc,
        norms: trtp.TensorDesc,
        stats: trtp.TensorDesc,
        most_rows: int,
        centroids: int,
        outputs: tuple[trtp.TensorDesc],
        tactic: int,
    ) -> tuple[str, str, trtp.KernelLaunchParams, trtp.SymIntExprs]:
        rows, padded_dim = coarse.shape_expr
        _refuse_more_rows(coarse, most_rows)
        piece = pieces.search(most_rows, centroids, _fixed("coarse", padded_dim), capability)
        tiles = piece.integers["tiles"]

        def grid(constants: Any) -> Any:
            if pieces.is_bounded(most_rows):
                return tiles
            return trtp.cdiv(rows, constants["BLOCK_ROWS"]) * tiles

        return launch(piece, grid, {"rows": rows})

    @trtp.register(f"{NAMESPACE}::NearestRescore", lazy_register=lazy)  # type: ignore[untyped-decorator]
    def rescore(
        points: trtp.TensorDesc,
        centroids: trtp.TensorDesc,
        bounds: trtp.TensorDesc,
        stats: trtp.TensorDesc,
        first: trtp.TensorDesc,
        second: trtp.TensorDesc,
        most_rows: int,
    ) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
        kind_of("points", points)
        check("points", points, None, None, None)
        rows, dim = points.shape_expr
        check("centroids", centroids, trt.DataType.FLOAT, None, dim)
        count = _constant(centroids.shape_expr[0])
        if count is not None and count > MAX_CENTROIDS:
            raise KernelError("centroids: too large", seen=count, allowed=MAX_CENTROIDS)
        check("bounds", bounds, trt.DataType.FLOAT, 3, None if count is None else pieces.bounds(count))
        check("stats", stats, trt.DataType.FLOAT, 3, rows)
        for name, scores in (("first", first), ("second", second)):
            check(name, scores, trt.DataType.FLOAT, rows, None if count is None else pieces.tiles(most_rows, count))
        labels = trtp.from_shape_expr((rows,), trt.DataType.INT32)
        return labels, trtp.from_shape_expr((rows,), trt.DataType.FLOAT)

    @trtp.aot_impl(f"{NAMESPACE}::NearestRescore")  # type: ignore[untyped-decorator]
    def rescore_code(
        points: trtp.TensorDesc,
        centroids: trtp.TensorDesc,
        bounds: trtp.TensorDesc,
        stats: trtp.TensorDesc,
        first: trtp.TensorDesc,
        second: trtp.TensorDesc,
        most_rows: int,
        outputs: tuple[trtp.TensorDesc],
        tactic: int,
    ) -> tuple[str, str, trtp.KernelLaunchParams, trtp.SymIntExprs]:
        rows = points.shape_expr[0]
        _refuse_more_rows(points, most_rows)
        count, dim = (_fixed("centroids", length) for length in centroids.shape_expr)
        piece = pieces.rescore(kind_of("points", points), most_rows, count, dim, capability)
        return launch(piece, lambda constants: trtp.cdiv(rows, constants["ROWS"]), {"rows": rows})

    @trtp.register(f"{NAMESPACE}::PackedAttention", lazy_register=lazy)  # type: ignore[untyped-decorator]
    def attention(
        query: trtp.TensorDesc,
        key: trtp.TensorDesc,
        value: trtp.TensorDesc,
        query_offsets: trtp.TensorDesc,
        key_ranges: trtp.TensorDesc,
        causal: int,
        longest_query: int,
    ) -> trtp.TensorDesc:
        kind_of("query", query)
        check("query", query, None, None, None, None)
        _, heads, head_size = query.shape_expr
        check("key", key, query.dtype, None, heads, head_size)
        check("value", value, query.dtype, key.shape_expr[0], heads, head_size)
        check("query_offsets", query_offsets, trt.DataType.INT32, None)
        check("key_ranges", key_ranges, trt.DataType.INT32, query_offsets.shape_expr[0] - 1, 2)
        return query.like()

    @trtp.aot_impl(f"{NAMESPACE}::PackedAttention")  # type: ignore[untyped-decorator]
    def attention_code(
        query: trtp.TensorDesc,
        key: trtp.TensorDesc,
        value: trtp.TensorDesc,
        query_offsets: trtp.TensorDesc,
        key_ranges: trtp.TensorDesc,
        causal: int,
        longest_query: int,
        outputs: tuple[trtp.TensorDesc],
        tactic: int,
    ) -> tuple[str, str, trtp.KernelLaunchParams, trtp.SymIntExprs]:
        rows, heads, head_size = query.shape_expr
        segments = key_ranges.shape_expr[0]
        sizes = {
            "total_queries": rows,
            "total_keys": key.shape_expr[0],
            "segments": segments,
            "heads": heads,
        }
        fixed = _fixed("query", head_size)
        piece = pieces.attention(kind_of("query", query), fixed, bool(causal), longest_query, capability)
        return launch(piece, lambda constants: (rows // constants["QUERY_TILE"] + segments + 1) * heads, sizes)

    return tuple(f"{NAMESPACE}::{name}" for name in PLUGINS)


def _check_tensorrt() -> None:
    try:
        import tensorrt
        import tensorrt.plugin
    except ImportError as error:
        raise KernelError(
            f"TensorRT's Python module cannot be used: {error}", fix="Install it: pip install 'tensorrt-cu13>=10.14'."
        ) from error
    if not hasattr(tensorrt, "QuickPluginCreationRequest"):
        raise KernelError(
            "this TensorRT cannot embed kernels in a plan",
            seen=tensorrt.__version__,
            allowed="10.14 or later",
            fix="Install it: pip install 'tensorrt-cu13>=10.14'.",
        )


def _constant(length: Any) -> int | None:
    """The length if it is known at this stage of the build."""
    if length is None or isinstance(length, int):
        return length
    if length.is_fake or not length.is_constant:
        return None
    return int(length.constant_value())


def _fixed(name: str, length: Any) -> int:
    known = _constant(length)
    if known is None:
        raise KernelError(f"{name} has an open axis that must be fixed", fix="Only the first axis may be dynamic.")
    return known


def _refuse_more_rows(tensor: Any, most_rows: int) -> None:
    """A search made for few rows would leave the others unanswered."""
    if pieces.is_bounded(most_rows):
        rows = tensor.shape.max[0] if tensor.is_dynamic else tensor.shape[0]
        if rows > most_rows:
            raise KernelError("the profile has more rows than the search was made for", seen=rows, allowed=most_rows)
