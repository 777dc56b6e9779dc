"""DICOM series and segmentations, written as a scanner and an annotation tool write them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_series(
    folder: Path,
    voxels: NDArray[np.int16],
    *,
    patient: str,
    spacing: tuple[float, float, float] = (0.7, 0.8, 2.5),
    descending: bool = False,
) -> list[Any]:
    """A CT series of stored values; (slices, rows, columns), Hounsfield units are 1024 less."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    found = []
    for i, cut in enumerate(voxels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = FileDataset(str(folder / f"im{i}.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        one.StudyInstanceUID, one.SeriesInstanceUID = study, series
        one.FrameOfReferenceUID, one.PatientID, one.PatientName = frame, patient, "Doe^Jo"
        one.PatientBirthDate = one.PatientSex = one.AccessionNumber = one.StudyID = ""
        one.StudyDate, one.StudyTime = "20200101", "120000"
        one.ReferringPhysicianName = one.Manufacturer = ""
        one.Modality, one.SeriesNumber, one.InstanceNumber = "CT", 1, i + 1
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        place = -i if descending else i
        one.ImagePositionPatient = [-20.0, -30.0, 5.0 + spacing[2] * place]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = list(spacing[:2]), spacing[2]
        one.Rows, one.Columns = cut.shape
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelData = np.ascontiguousarray(cut, dtype="<i2").tobytes()
        one.save_as(folder / f"im{i}.dcm", enforce_file_format=True)
        found.append(pydicom.dcmread(folder / f"im{i}.dcm"))
    return found


def write_segmentation(
    path: Path, series: list[Any], labels: NDArray[np.uint8], names: list[str]
) -> None:
    """A DICOM-SEG of label numbers on the slices of a series; segment i is names[i - 1]."""
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    by = AlgorithmIdentificationSequence(
        name="hand", version="1", family=codes.cid7162.ArtificialIntelligence
    )
    described = [
        SegmentDescription(
            segment_number=i,
            segment_label=name,
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=by,
        )
        for i, name in enumerate(names, start=1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library, about itself
        Segmentation(
            source_images=series,
            pixel_array=labels,
            segmentation_type="BINARY",
            segment_descriptions=described,
            series_instance_uid=generate_uid(),
            series_number=9,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="none",
            manufacturer_model_name="none",
            software_versions="1",
            device_serial_number="1",
        ).save_as(path)
