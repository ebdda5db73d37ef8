"""State machines for tests: how long they run, and a log that is slow in them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.kit.world import World


def examples(count: int, steps: int) -> settings:
    """So many runs of so many steps, each as slow as it likes."""
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class SlowLogMachine(RuleBasedStateMachine):
    """A ``world`` whose log takes its time, or does not, or stores nothing."""

    world: World

    @property
    def calm(self) -> bool:
        """Whether the log answers, and well."""
        return not self.world.log.hold and not self.world.log.broken

    def pump(self) -> None:
        """Let everybody take what there is."""
        raise NotImplementedError

    @precondition(lambda self: self.calm)
    @rule()
    def slow_log(self) -> None:
        """The log takes its time from now on."""
        self.pump()
        self.world.log.hold = True

    @precondition(lambda self: self.world.log.hold)
    @rule()
    def one_commit(self) -> None:
        if self.world.log.commits:
            self.world.log.commit()

    @precondition(lambda self: self.world.log.hold)
    @rule()
    def fast_log(self) -> None:
        while self.world.log.commits or self.world.log.reads or self.world.log.hold:
            self.world.log.let_go()
            self.world.settle()
