"""Split: the only job besides the opening that sees test rows; it seals them."""

from typing import Any

from phasewise.kinds.registry import kind
from phasewise.project.vault import Vault
from phasewise.project.vault_ledger import LEDGER, VAULT
from phasewise.records.jobs import SplitJob
from phasewise.records.results.data import SplitResult
from phasewise.worker import background


def run(ctx: Any, job: SplitJob) -> SplitResult:
    """Split with the kind's own room; what was scored on the parts in force is counted first."""
    _count_scores(ctx.project, job)
    result = kind(job.data.kind).room("splitting").split(ctx.project, job, ctx.progress)
    for finding in result.findings:
        if finding.severity in ("block", "warn"):
            ctx.finding(finding.id, finding.severity, finding.title, finding.seen)
    return result


def _count_scores(project: Any, job: SplitJob) -> None:
    """Writes into the vault's ledger how many validation scores were seen on the parts that are about to be drawn again (K of E04)."""
    if not (project.path / VAULT / LEDGER).is_file():
        return
    with Vault(project.path) as vault:
        more = background.scored(project) - vault.ledger.counted()
        if more > 0 and vault.ledger.generation() == job.generation:
            vault.count_scores({}, more)
