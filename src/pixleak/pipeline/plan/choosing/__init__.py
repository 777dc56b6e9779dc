"""What an audit measures and attacks with, decided and checked before anything is trained."""

from pixleak.pipeline.plan.choosing.choose import Chosen, choose
from pixleak.pipeline.plan.choosing.difficulties import available_difficulties
from pixleak.pipeline.plan.choosing.planned import PlannedAttack, title_of

__all__ = ["Chosen", "PlannedAttack", "available_difficulties", "choose", "title_of"]
