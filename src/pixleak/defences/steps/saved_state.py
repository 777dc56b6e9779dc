"""State of a defence that is saved with an interrupted training."""

from __future__ import annotations

from typing import Any, ClassVar


class AttributeState:
    """State that consists of a few attributes, which a subclass names in ``saved``."""

    saved: ClassVar[tuple[str, ...]]

    def state_dict(self) -> dict[str, Any]:
        """The saved attributes."""
        return {name: getattr(self, name) for name in self.saved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the saved attributes."""
        for name in self.saved:
            setattr(self, name, state[name])
