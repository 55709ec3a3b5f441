"""The decoders that `bench.dicom_matrix` sets beside Lightbox, each asked in its own words.

Every function takes a path and gives the frames of the file as one array: (frames, rows, columns)
or (frames, rows, columns, 3), stored values, except SimpleITK's, which are in the units of the
modality. Whatever they raise is their refusal. They run in processes that may die.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels import pixel_array

from imaging.dicom import read_image

Frames = NDArray[Any]


def lightbox(path: Path) -> Frames:
    """Stored values, colour as RGB."""
    image = read_image(path)
    return np.stack([image.stored_values(at) for at in range(image.instance.geometry.frames)])


def modality(path: Path) -> Frames:
    """Lightbox's values in the units of the modality, for comparison with SimpleITK."""
    image = read_image(path)
    return np.stack([image.modality_values(at) for at in range(image.instance.geometry.frames)])


def pydicom(path: Path) -> Frames:
    """Pydicom with the plugins installed here, by its default."""
    ds = dcmread(path, force=True)
    pixels = pixel_array(ds)
    single = int(ds.get("NumberOfFrames") or 1) == 1
    return pixels[None] if single else pixels


def gdcm(path: Path) -> Frames:
    """GDCM's ImageReader."""
    import gdcm as library

    reader = library.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise ValueError("GDCM cannot read it")
    image = reader.GetImage()
    kind = image.GetPixelFormat()
    types = {
        library.PixelFormat.UINT8: "u1", library.PixelFormat.INT8: "i1",
        library.PixelFormat.UINT16: "u2", library.PixelFormat.INT16: "i2",
        library.PixelFormat.UINT12: "u2", library.PixelFormat.INT12: "i2",
        library.PixelFormat.UINT32: "u4", library.PixelFormat.INT32: "i4",
        library.PixelFormat.FLOAT32: "f4", library.PixelFormat.FLOAT64: "f8",
    }  # fmt: skip
    raw = image.GetBuffer()
    data = raw.encode("utf-8", errors="surrogateescape") if isinstance(raw, str) else bytes(raw)
    sizes = [image.GetDimension(at) for at in range(image.GetNumberOfDimensions())]
    columns, rows, *more = sizes
    samples = kind.GetSamplesPerPixel()
    frames = more[0] if more else 1
    if kind.GetScalarType() == library.PixelFormat.SINGLEBIT:
        values = np.unpackbits(np.frombuffer(data, "u1"), bitorder="little")
    else:
        values = np.frombuffer(data, types[kind.GetScalarType()])
    values = values[: frames * rows * columns * samples]
    if samples == 1:
        return values.reshape(frames, rows, columns)
    if image.GetPlanarConfiguration() == 1:
        return np.moveaxis(values.reshape(frames, samples, rows, columns), 1, -1)
    return values.reshape(frames, rows, columns, samples)


def dcmtk(path: Path) -> Frames:
    """DCMTK's decompressors; pydicom reads the native pixels they leave."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "native.dcm"
        for tool in ("dcmconv", "dcmdjpeg", "dcmdjpls", "dcmdrle"):
            options = ["+te"] if tool == "dcmconv" else []
            process = subprocess.run(
                [tool, *options, path, out], capture_output=True, timeout=60, check=False
            )
            if process.returncode == 0 and out.exists():
                ds = dcmread(out)
                if not ds.file_meta.TransferSyntaxUID.is_encapsulated:
                    return pydicom(out)
    raise ValueError("DCMTK cannot decode it")


def simpleitk(path: Path) -> Frames:
    """SimpleITK, whose values have been through the rescale."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    image = reader.Execute()
    values = SimpleITK.GetArrayFromImage(image)
    flat = image.GetDimension() == 2
    return values[None] if flat else values


PEERS: dict[str, Callable[[Path], Frames]] = {
    "pydicom": pydicom,
    "gdcm": gdcm,
    "dcmtk": dcmtk,
    "simpleitk": simpleitk,
}
