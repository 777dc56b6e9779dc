"""One pass of each model over the records, each made once and kept in the store.

Runs that share a store wait for a pass that another run is making, and read what it left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, get_args

from pixleak.core.progress import Progress, step
from pixleak.core.tables import SignalTable
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.measuring.measured import ModelPass
from pixleak.pipeline.measuring.stored_tables import read_pass, read_table, write_pass, write_table
from pixleak.pipeline.models import Model, Reference
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Artefact, Store
from pixleak.pipeline.utility import beside, names_of
from pixleak.signals.difficulty.base import measure_difficulty
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.measure import Activity, measure

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.signals.base import Signal


class Passes:
    """The passes of an audit.

    Args:
        plan: access, batch size and samples of the queries.
        chosen: signals and difficulties.
        store: where passes are kept.
        progress: shows how far a pass has come.
        clock: of the run; inference is booked on a phase of its own.

    Attributes:
        asked: name of a model -> what its last pass measured.
    """

    def __init__(
        self, plan: Plan, chosen: Chosen, store: Store, progress: Progress, clock: Clock
    ) -> None:
        self.plan = plan
        self.chosen = chosen
        self.store = store
        self.progress = progress
        self.clock = clock
        self.asked: dict[str, ModelPass] = {}
        self._beside = beside(plan.truth)

    def table(
        self,
        model: Model | Reference,
        records: PreparedRecords,
        signals: Sequence[tuple[Signal, str]],
        progress: Progress,
        maps: MapStore | None = None,
    ) -> SignalTable:
        """The signals of one model; what is measured beside them is in ``asked`` only.

        Args:
            model: to ask.
            records: to ask about.
            signals: each with what identifies it.
            progress: shows how far it has come.
            maps: where outputs are kept to train learned signals on; the model is then queried
                even if the pass is in the store.
        """
        place = self.store.artefact(
            "signals",
            {
                "model": dict(model.identity),
                "records": records.digest,
                "signals": [identity for _, identity in signals],
                "beside": [signal.identity for signal in self._beside],
                "access": str(self.plan.target.access),
                "samples": self.plan.samples,
            },
        )
        with self.held(place):
            if place.exists and maps is None:
                found = read_pass(place.folder)
            else:
                found = self._ask(model, records, [signal for signal, _ in signals], progress, maps)
                if not place.exists:
                    with place.writing() as folder:
                        write_pass(folder, found)
        self.asked[model.info.name] = found
        hidden = set(names_of(self.plan.truth))
        return found.table.select(signals=[n for n in found.table.names if n not in hidden])

    def difficulty(self, records: PreparedRecords) -> SignalTable | None:
        """The difficulties, for which no model is asked; None where none were chosen."""
        difficulties = self.chosen.difficulties
        if not difficulties:
            return None
        place = self.store.artefact(
            "difficulty",
            {"records": records.digest, "difficulties": [one.identity for one in difficulties]},
        )
        with place.alone():
            if place.exists:
                return read_table(place.folder)
            table = measure_difficulty(
                records, difficulties, on_progress=step(self.progress, "measuring difficulty")
            )
            with place.writing() as folder:
                write_table(folder, table)
        return table

    def _ask(
        self,
        model: Model | Reference,
        records: PreparedRecords,
        signals: Sequence[Signal],
        progress: Progress,
        maps: MapStore | None,
    ) -> ModelPass:
        opened = model.model() if isinstance(model, Reference) else model
        spent: dict[Activity, float] = dict.fromkeys(get_args(Activity), 0.0)

        def heard(activity: Activity, seconds: float) -> None:
            spent[activity] += seconds

        table = measure(
            opened.target,
            records,
            [*signals, *self._beside],
            batch_size=self.plan.batch_size,
            store=maps,
            samples=self.plan.samples,
            on_progress=step(progress, f"asking the {model.info.name}"),
            on_activity=heard,
        )
        self.clock.moved(spent["query"] + spent["further query"], "inference")
        self.clock.moved(spent["learned signal"], "attack-inference")
        return ModelPass(table, spent["query"] / len(records))

    @contextmanager
    def held(self, place: Artefact) -> Iterator[None]:
        """Hold an artefact for this run alone; waiting for other runs has a phase of its own."""
        with ExitStack() as stack:
            with self.clock("waiting"):
                stack.enter_context(place.alone())
            yield
