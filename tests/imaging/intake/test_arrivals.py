"""Files that come piece by piece are whole or told; nothing is queued twice and nothing is lost."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.entities import Status
from imaging.errors import ConflictError, InputError, NotFoundError
from imaging.intake.arrivals import Arrivals, Piece
from imaging.jobs import HANDFUL, NORMAL, URGENT, Loss, MissingFile
from imaging.store import Repository
from tests.encrypted import with_encrypted_originals

LIMIT = 5000
TRIES = st.lists(st.tuples(st.integers(0, 199), st.integers(1, 90)))  # where, how many bytes
FILES = (("a.dcm", b"one"), ("ward/b.dcm", b"two" * 900), ("empty.dcm", b""))


def missing(repository: Repository, job: str) -> tuple[MissingFile, ...]:
    """What is told to be missing of a drop of Ada's."""
    return repository.drops.missing_of("ada").get(job, ())


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def repository(repository: Repository, request: pytest.FixtureRequest) -> Repository:
    """Every test once more with a data folder that is encrypted."""
    return with_encrypted_originals(repository) if request.param else repository


@pytest.fixture
def arrivals(repository: Repository) -> Arrivals:
    return Arrivals(repository, most_bytes=LIMIT, announce=lambda: None)


def begin(arrivals: Arrivals, *files: tuple[str, bytes]) -> str:
    return arrivals.open([(name, len(content)) for name, content in files], {}, account="ada")[0]


def queued(repository: Repository, job: str) -> list[tuple[str, bytes]]:
    tasks = repository.claims.claim_files("w", 100, jobs=[job])
    found = [(t.position, t.file_name, repository.originals.content(t.sha256)) for t in tasks]
    repository.claims.release_claims(["w"])
    return [(name, content) for _, name, content in sorted(found)]


def test_small_files_share_a_request(repository: Repository, arrivals: Arrivals) -> None:
    job = begin(arrivals, *FILES)
    progress = repository.jobs.progress(job)
    assert (progress.announced, progress.expected, progress.finished) == (3, 3, False)
    here = arrivals.receive(job, [Piece(i, 0, content) for i, (_, content) in enumerate(FILES)])
    assert here == {0: -1, 1: -1, 2: -1}
    assert queued(repository, job) == list(FILES)
    progress = repository.jobs.progress(job)
    assert (progress.arrived, progress.expected, progress.priority) == (3, 0, URGENT)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None
)
@given(st.binary(min_size=1, max_size=200), TRIES)
def test_pieces_in_any_order_make_the_file_or_nothing(
    repository: Repository, arrivals: Arrivals, content: bytes, tries: list[tuple[int, int]]
) -> None:
    """Whoever sends goes on from where the answer says, and ends with the very bytes."""
    job = begin(arrivals, ("film", content))
    here = 0
    for start, length in tries:
        piece = Piece(0, min(start, len(content)), content[start : start + length])
        here = arrivals.receive(job, [piece])[0]
        assert here == -1 or 0 <= here <= len(content)
        assert bool(queued(repository, job)) == (here == -1)
    while here != -1:
        here = arrivals.receive(job, [Piece(0, here, content[here : here + 64])])[0]
    assert queued(repository, job) == [("film", content)]
    assert arrivals.receive(job, [Piece(0, 0, content)]) == {0: -1}  # sent again: no second file
    assert queued(repository, job) == [("film", content)]
    assert not list(repository.originals.incoming.glob("*"))
    repository.jobs.cancel(job)


def test_what_is_too_large_is_never_taken(repository: Repository, arrivals: Arrivals) -> None:
    job, lost = arrivals.open([("large", LIMIT + 1), ("good", 3)], {}, account="ada")
    assert lost == {0: Loss.LARGE}
    with pytest.raises(InputError):
        arrivals.receive(job, [Piece(0, 0, b"x" * (LIMIT + 1))])
    arrivals.receive(job, [Piece(1, 0, b"two")])
    arrivals.close(job, {0: Loss.LARGE}, Loss.CUT)
    (told,) = missing(repository, job)
    assert (told.name, told.loss) == ("large", Loss.LARGE)
    assert queued(repository, job) == [("good", b"two")]


def test_more_bytes_than_announced_are_refused(arrivals: Arrivals) -> None:
    job = begin(arrivals, ("a", b"123"))
    for piece in (Piece(0, 0, b"1234"), Piece(0, 2, b"12"), Piece(0, -1, b"1")):
        with pytest.raises(InputError):
            arrivals.receive(job, [piece])
    with pytest.raises(ConflictError, match="not announced"):
        arrivals.receive(job, [Piece(7, 0, b"1")])


def test_a_drop_that_breaks_off_says_what_is_missing(
    repository: Repository, arrivals: Arrivals
) -> None:
    job = begin(arrivals, *FILES)
    arrivals.receive(job, [Piece(0, 0, b"one"), Piece(1, 0, b"two")])
    assert repository.drops.end_silent(datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert repository.drops.end_silent(datetime.now(UTC) + timedelta(seconds=1)) == 1
    lost = missing(repository, job)
    assert [(f.number, f.name, f.loss) for f in lost] == [
        (1, "ward/b.dcm", Loss.SILENT),
        (2, "empty.dcm", Loss.SILENT),
    ]
    assert repository.jobs.progress(job).expected == 0
    arrivals.receive(job, [Piece(1, 3, FILES[1][1][3:])])  # its browser woke up: it goes on
    assert [f.number for f in missing(repository, job)] == [2]
    assert queued(repository, job) == list(FILES[:2])
    repository.drops.dismiss(job, account="ada")
    assert missing(repository, job) == ()
    progress = repository.jobs.progress(job)
    assert (progress.arrived, progress.announced) == (2, 3)  # stays a fact


def test_a_closed_drop_leaves_no_bytes(repository: Repository, arrivals: Arrivals) -> None:
    job = begin(arrivals, *FILES)
    arrivals.receive(job, [Piece(1, 0, b"two")])
    assert len(list(repository.originals.incoming.iterdir())) == 1
    arrivals.close(job, {0: Loss.UNREADABLE}, Loss.STOPPED)
    assert not list(repository.originals.incoming.iterdir())
    losses = [f.loss for f in missing(repository, job)]
    assert losses == [Loss.UNREADABLE, Loss.STOPPED, Loss.STOPPED]


@pytest.mark.parametrize("whole", [True, False])
def test_an_archive_becomes_its_files(
    repository: Repository, arrivals: Arrivals, whole: bool
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(HANDFUL + 1):
            archive.writestr(f"{number:02}.dcm", b"%d" % number)
    content = buffer.getvalue()
    job = begin(arrivals, ("cd.zip", content))
    cuts = [0, len(content)] if whole else [0, 999, len(content)]
    for start, end in pairwise(cuts):
        arrivals.receive(job, [Piece(0, start, content[start:end])])
    files = queued(repository, job)
    assert files[3] == ("cd.zip/03.dcm", b"3") and len(files) == HANDFUL + 1
    assert repository.jobs.progress(job).priority == NORMAL  # no handful after all
    assert not [*repository.originals.incoming.glob("*")]


def test_an_empty_archive_has_an_outcome(repository: Repository, arrivals: Arrivals) -> None:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    content = b"PK\x03\x04" + buffer.getvalue()
    job = begin(arrivals, ("cd.zip", content))
    arrivals.receive(job, [Piece(0, 0, content)])
    (file,) = repository.jobs.get(job).files
    assert file.status is Status.ERROR and file.message


def test_a_cancelled_drop_takes_nothing_more(repository: Repository, arrivals: Arrivals) -> None:
    job = begin(arrivals, *FILES)
    repository.jobs.cancel(job)
    with pytest.raises(ConflictError, match="cancelled"):
        arrivals.receive(job, [Piece(0, 0, b"one")])


def test_a_drop_belongs_to_one_reader(repository: Repository, arrivals: Arrivals) -> None:
    job = begin(arrivals, *FILES)
    repository.drops.insist_on_owner(job, "ada")
    with pytest.raises(NotFoundError):
        repository.drops.insist_on_owner(job, "bob")


def test_names_are_shown_safely(repository: Repository, arrivals: Arrivals, tmp_path: Path) -> None:
    job = begin(arrivals, ("../../etc/\u202epasswd\n", b"x"))
    arrivals.receive(job, [Piece(0, 0, b"x")])
    (file,) = repository.jobs.get(job).files
    assert "\u202e" not in file.file_name and "\n" not in file.file_name


def test_more_missing_files_than_are_named_are_counted(
    repository: Repository, arrivals: Arrivals
) -> None:
    first = begin(arrivals, *((f"{number}.dcm", b"x") for number in range(7)))
    second = begin(arrivals, ("last.dcm", b"x"))
    for job in (first, second):
        arrivals.close(job, {}, Loss.CUT)
    assert len(repository.drops.missing_of("ada", limit=5)[first]) == 5
    assert repository.drops.count_missing("ada") == {first: 7, second: 1}
    repository.drops.dismiss(first, account="ada")
    assert repository.drops.count_missing("ada") == {second: 1}
    assert repository.drops.count_missing("bob") == {}


def test_the_name_of_what_arrived_is_kept_in_the_queue_alone(
    repository: Repository, arrivals: Arrivals
) -> None:
    job = begin(arrivals, *FILES)  # a name may be a patient's, and must go with the study
    arrivals.receive(job, [Piece(0, 0, b"one"), Piece(1, 0, b"two")])
    announced = repository.drops.announced(job, [0, 1])
    assert [name for name, _, _ in announced.values()] == ["", "ward/b.dcm"]
    assert arrivals.receive(job, [Piece(0, 0, b"one")]) == {0: -1}
    assert queued(repository, job)[0] == FILES[0]


def test_parts_that_nobody_goes_on_with_do_not_stay(
    repository: Repository, arrivals: Arrivals
) -> None:
    job = begin(arrivals, *FILES)
    arrivals.receive(job, [Piece(1, 0, b"two")])
    (part,) = repository.originals.incoming.iterdir()
    assert repository.originals.forget_parts(datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert part.exists()
    assert repository.originals.forget_parts(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert not part.exists()
    assert arrivals.receive(job, [Piece(1, 3, b"two")]) == {1: 0}, "begun anew"
