"""Tiny packages: wheels and sdists with weights that are none, and what the catalogue would say of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from videobert.get.catalogue import Member, Obtainable, Source

# Runs where pip builds an sdist, or asks for its metadata, with a backend of setuptools.
_SETUP = """
import pathlib, os
pathlib.Path(os.environ["OWNED"]).mkdir(exist_ok=True)
raise SystemExit("setup.py was run")
"""


def members(package: str) -> dict[str, bytes]:
    return {"weights": f"weights of {package}".encode() * 100, "licence": b"be kind\n"}


def make_wheel(folder: Path, package: str, content: Mapping[str, bytes] | None = None, version: str = "1.0") -> Source:
    name = package.replace("-", "_")
    inside = {f"{name}/{role}.bin": data for role, data in (content or members(package)).items()}
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in inside.items():
            archive.writestr(zipfile.ZipInfo(file), data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return source_of(path, package, version, inside)


def make_sdist(folder: Path, package: str, content: Mapping[str, bytes] | None = None, version: str = "1.0") -> Source:
    top = f"{package.replace('-', '_')}-{version}"
    inside = {f"{top}/{role}.bin": data for role, data in (content or members(package)).items()}
    pkg_info = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nSummary: a trap\n".encode()
    path = folder / f"{top}.tar.gz"
    with (
        path.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, data in {f"{top}/setup.py": _SETUP.encode(), f"{top}/PKG-INFO": pkg_info, **inside}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return source_of(path, package, version, inside)


def source_of(path: Path, package: str, version: str, inside: Mapping[str, bytes]) -> Source:
    content = path.read_bytes()
    return Source(
        package=package,
        version=version,
        file_name=path.name,
        kind="wheel" if path.suffix == ".whl" else "sdist",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        weights=f"what {package} knows",
        licence="MIT",
        members={
            Path(name).stem: Member(path=name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
            for name, data in inside.items()
        },
    )


def make_obtainable(folder: Path, name: str = "everyday") -> Obtainable:
    """A model of two wheels and an sdist, whose archives lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Obtainable(
        name=name,
        typed=name,
        knows="nothing",
        size_bytes=1_000_000,
        recipe="none",
        sources=(
            make_sdist(folder, "tiny-actions"),
            make_wheel(folder, "tiny-texts"),
            make_wheel(folder, "tiny-shots"),
        ),
    )
