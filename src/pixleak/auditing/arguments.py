"""Arguments of the public functions, as the request takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.part import part_of_arguments
from pixleak.core.truth import ImageTruth, LabelTruth, Truth

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from pixleak.records.base import Records
    from pixleak.request.target import TargetModel


def access_of(access: Access | str) -> Access:
    """The access that a caller names.

    Raises:
        InputError: there is none of this name.
    """
    try:
        return Access(access)
    except ValueError:
        known = ", ".join(repr(str(a)) for a in Access)
        raise InputError(f"access is {access!r}; expected one of {known}") from None


def records_of(
    given: Records | Dataset[Any], classes: int | LabelTruth | ImageTruth | None, argument: str
) -> Records:
    """Records as they are, or read from a Dataset.

    Args:
        given: records, or a Dataset of (image, truth).
        classes: what the truths of a Dataset mean.
        argument: that it was given as, for messages.

    Raises:
        InputError: a Dataset without classes, or classes that contradict the records.
    """
    from torch.utils.data import DataLoader

    from pixleak.records.base import Record, Records
    from pixleak.records.readers.dataset import read_dataset

    if isinstance(given, Records):
        if classes is not None and not _same_truth(given.truth, classes):
            raise InputError(
                f"classes={classes!r} contradicts {argument}, whose truth is {given.truth}; leave "
                "classes out, since records know their own"
            )
        return given
    if isinstance(given, DataLoader):
        raise InputError(
            f"{argument} is a DataLoader, which makes batches; give the Dataset that it loads, "
            "as in loader.dataset"
        )
    if isinstance(given, Record):
        raise InputError(
            f"{argument} is one Record without what its truth means; give a set of one, as in "
            "records.select(records.ids[:1])"
        )
    if isinstance(given, str | Path | dict) or not hasattr(given, "__getitem__"):
        listed = ", or pixleak.MemberList(file, records)" if argument == "members" else ""
        raise InputError(
            f"{argument} is {_named(given)}; expected pixleak.Records, such as those of "
            f"pixleak.read_folders(...), or a torch Dataset of (image, truth){listed}"
        )
    if classes is None:
        raise InputError(
            f"{argument} is a {type(given).__name__}: say how many classes its label maps have, "
            "as in classes=2, or for a generator classes=ImageTruth(channels=3)"
        )
    if isinstance(classes, bool) or not isinstance(classes, int | LabelTruth | ImageTruth):
        raise InputError(
            f"classes must be a number, a LabelTruth or an ImageTruth, got {classes!r}"
        )
    truth = LabelTruth(classes) if isinstance(classes, int) else classes
    return read_dataset(given, truth, name=argument)


@dataclass(frozen=True)
class MemberList:
    """Records, and a file that says which of them are members; stands for both sides of an audit.

    Args:
        file: a CSV with the columns ``id`` and ``member`` (true or false, 1 or 0, yes or no).
        records: all records; or, for saved predictions, the folder of true label maps alone.
        metadata: a CSV, TSV or Parquet file with the column ``id``, perhaps ``subject``, and any
            others (sex, age group, scanner), by whose values subgroups are made.
    """

    file: str | Path
    records: Records | str | Path
    metadata: str | Path | None = None


def sides_of(
    members: Any, nonmembers: Any, classes: int | LabelTruth | ImageTruth | None
) -> dict[str, Any]:
    """Members and non-members, or all records and the file that lists which are members.

    Raises:
        InputError: they do not go together, or cannot be used.
    """
    from pixleak.records.base import Records

    if not isinstance(members, MemberList):
        return {
            "members": records_of(members, classes, "members"),
            "nonmembers": records_of(nonmembers, classes, "nonmembers"),
        }
    if nonmembers is not None:
        raise InputError(
            "members is a MemberList, which names the non-members as well; leave nonmembers out"
        )
    given = members.records
    if not isinstance(members.file, str | Path) or not isinstance(given, Records | str | Path):
        raise InputError(
            "members is a MemberList of "
            f"{_named(members.file)} and {_named(given)}; expected MemberList(file, records): the "
            "path of a CSV, and pixleak.Records or the folder of the true label maps"
        )
    records = given if isinstance(given, Records) else _label_maps(Path(given), classes)
    sides: dict[str, Any] = {"records": records, "members": Path(members.file)}
    return sides if members.metadata is None else sides | {"metadata": Path(members.metadata)}


def _named(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def _label_maps(folder: Path, classes: int | LabelTruth | ImageTruth | None) -> Records:
    """The records of a folder of label maps without images."""
    from pixleak.records.readers.base import label_fields, read
    from pixleak.records.readers.masks_alone import MasksReader

    if isinstance(classes, ImageTruth):
        raise InputError(f"{folder} is a folder of label maps, but classes is an ImageTruth")
    truth = LabelTruth(classes) if isinstance(classes, int) else classes
    return read(MasksReader, root=folder, **label_fields(truth))


def target_model(model: Any, **given: Any) -> TargetModel:
    """The target part of a request for what a caller gives as a model.

    Args:
        model: a torch module, a function, a target, a kind of target, or the part itself.
        given: what else the caller says of it, name of argument -> value; None: nothing.

    Raises:
        InputError: it is no model, or the part itself says what the arguments say too.
    """
    from pixleak.request.target import TargetModel
    from pixleak.targets.kind import TargetKind

    stated = {name: value for name, value in given.items() if value is not None}
    if model is None:
        raise InputError("model is None; expected a torch module, a target or a function")
    if isinstance(model, type):
        raise InputError(f"model is the class {model.__name__}; give an object, as that makes")
    if isinstance(model, TargetModel):
        if stated:
            name, value = next(iter(stated.items()))
            raise InputError(
                f"{name}={value!r} is given beside a TargetModel, which has {name} itself: leave "
                f"it out here, and write TargetModel(..., {name}={value!r})"
            )
        return model
    if "access" in stated:
        stated["access"] = access_of(stated["access"])
    place = "kind" if isinstance(model, TargetKind) else "model"
    return part_of_arguments(TargetModel, {place: model, **stated})


def _same_truth(known: Truth, classes: int | Truth) -> bool:
    """Whether these are the classes of the records; their names may be left out."""
    if isinstance(known, LabelTruth) and isinstance(classes, int):
        return known.classes == classes
    if isinstance(known, LabelTruth) and isinstance(classes, LabelTruth):
        return replace(known, names=()) == replace(classes, names=())
    return known == classes
