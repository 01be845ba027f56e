"""What a study needs, what can go, and moving it between machines."""

from __future__ import annotations

import io
import json
import shutil
import tarfile

import pytest
import torch

from prunelab.store.artifact import Artifact
from prunelab.store.bundle import Imported, export, import_
from prunelab.store.plans import StoredJob, StoredPoint, StoredStage, read_jobs, studies, write_job
from prunelab.store.store import Store
from prunelab.store.upkeep import collect, find_waste, needed, report, verify

DENSE, MASKS, TICKET, QUALITY, OTHER, OTHER_QUALITY = (letter * 64 for letter in "abcdef")


def write(store, key, *inputs, tensors=True):
    artifact = Artifact(tensors={"w": torch.arange(50.0) + int(key[0], 16)} if tensors else {}, data={"key": key})
    store.write(key, artifact, description={"kind": "x", **{f"input{n}": value for n, value in enumerate(inputs)}})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "home" / "store")
    write(store, DENSE)
    write(store, MASKS, DENSE)
    write(store, TICKET, DENSE, MASKS)
    write(store, QUALITY, TICKET, tensors=False)
    write(store, OTHER, DENSE)
    write(store, OTHER_QUALITY, OTHER, tensors=False)
    return store


def job(study="s", sweep="1", stages=(DENSE,), number=0):
    stored = {key: StoredStage(kind="train", steps=3, label="here", inputs=()) for key in stages}
    points = (StoredPoint(record="0" * 32, stages=tuple(stages)),)
    return StoredJob(study=study, sweep=sweep, number=number, command="c", log="l", points=points, stages=stored)


def test_a_record_needs_what_it_was_made_from_and_what_was_measured_on_it(store):
    assert needed(store, "s", [TICKET]) == {DENSE, MASKS, TICKET, QUALITY}
    assert needed(store, "s", []) == set()


def test_a_plan_keeps_what_has_no_record_yet(store):
    write_job(store.root, job(stages=(OTHER,)))
    assert needed(store, "s", []) == {DENSE, OTHER, OTHER_QUALITY}
    assert needed(store, "another", []) == set()


def test_the_last_sweep_is_what_counts(store):
    write_job(store.root, job(sweep="2026-01", stages=(DENSE,)))
    write_job(store.root, job(sweep="2026-02", stages=(MASKS,), number=1))
    write_job(store.root, job(sweep="2026-02", stages=(TICKET,), number=0))
    assert [list(found.stages) for found in read_jobs(store.root, "s")] == [[TICKET], [MASKS]]
    assert len(read_jobs(store.root, "s", every_sweep=True)) == 3
    write_job(store.root, job(sweep="2026-03", stages=(DENSE,)))  # the same job again
    assert [found.sweep for found in read_jobs(store.root, "s", every_sweep=True)] == ["2026-02", "2026-02", "2026-03"]


def test_a_plan_that_cannot_be_read_is_named(store):
    write_job(store.root, job())
    (path,) = (store.root / "plans" / "s").iterdir()
    path.write_text(path.read_text()[:-9])
    with pytest.raises(ValueError, match=f"{path.name} can't be read"):
        read_jobs(store.root, "s")
    with pytest.raises(ValueError, match="Did you mean 's'"):
        read_jobs(store.root, "S")


def test_collecting_keeps_the_needed_and_deletes_the_rest(store):
    write_job(store.root, job(stages=(TICKET,)))
    write_job(store.root, job(study="old", stages=(OTHER,)))
    for key in (TICKET, OTHER):
        store.write_partial(key, Artifact(data={"step": 3}))
    keep = needed(store, "s", [])
    waste = find_waste(store, keep, ["s"])
    assert set(waste.artifacts) == {OTHER, OTHER_QUALITY}
    assert waste.size_bytes > 300
    assert store.has(OTHER)
    collect(store, waste)
    assert set(store.keys()) == keep
    assert store.read_partial(TICKET) is not None
    assert store.read_partial(OTHER) is None
    assert studies(store.root) == ["s"]
    assert list((store.root / "temporary").iterdir()) == []


def test_nothing_is_collected_while_somebody_computes(store):
    waste = find_waste(store, set(), [])
    with store.lease("0" * 64), pytest.raises(ValueError, match="clean up when nothing runs"):
        collect(store, waste)
    assert len(list(store.keys())) == 6


def test_verifying_sets_damage_aside(store):
    (store.folder(MASKS) / "tensors.safetensors").write_bytes(b"x")
    newer = store.folder(OTHER) / "manifest.json"
    newer.write_text(newer.read_text().replace('"format": 1', '"format": 2'))
    found = verify(store)
    assert (found.whole, len(found.damaged), len(found.unreadable)) == (4, 1, 1)
    assert not store.has(MASKS)
    assert verify(store).damaged == ()


def test_room_by_study(store):
    found = report(store, {"one": {DENSE, TICKET}, "two": {DENSE, OTHER}})
    dense, ticket = (sum(path.stat().st_size for path in store.folder(key).iterdir()) for key in (DENSE, TICKET))
    assert found["studies"]["one"] == (dense + ticket, ticket, 2)
    assert found["unneeded"] == found["all"] - dense - ticket - found["studies"]["two"][1]


@pytest.fixture
def bundle(store, tmp_path):
    records = tmp_path / "home" / "records"
    (records / "s").mkdir(parents=True)
    (records / "s" / f"{'1' * 32}.json").write_text('{"study": "s"}')
    write_job(store.root, job(stages=(TICKET,)))
    path = tmp_path / "s.tar"
    assert export(store, records, "s", needed(store, "s", [TICKET]), path) == path.stat().st_size
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []
    return path


def test_a_study_moves_whole(store, bundle, tmp_path):
    there, records = Store(tmp_path / "there" / "store"), tmp_path / "there" / "records"
    assert import_(there, records, bundle) == Imported(study="s", artifacts=4, artifacts_known=0, records=1, records_known=0)
    for key in (DENSE, MASKS, TICKET):
        assert torch.equal(there.read(key).tensors["w"], store.read(key).tensors["w"])
    assert read_jobs(there.root, "s") == read_jobs(store.root, "s")
    assert (records / "s" / f"{'1' * 32}.json").read_text() == '{"study": "s"}'
    assert import_(there, records, bundle) == Imported(study="s", artifacts=0, artifacts_known=4, records=0, records_known=1)
    assert list((there.root / "temporary").iterdir()) == []


def test_what_is_there_stays_as_it_is(bundle, tmp_path):
    there, records = Store(tmp_path / "there" / "store"), tmp_path / "there" / "records"
    write(there, DENSE, "other description")
    (records / "s").mkdir(parents=True)
    (records / "s" / f"{'1' * 32}.json").write_text("mine")
    import_(there, records, bundle)
    assert there.description(DENSE)["input0"] == "other description"
    assert (records / "s" / f"{'1' * 32}.json").read_text() == "mine"


def assert_refused(bundle, tmp_path, match):
    there = Store(tmp_path / "there" / "store")
    with pytest.raises(ValueError, match=match):
        import_(there, tmp_path / "there" / "records", bundle)
    assert list(there.keys()) == []
    assert not (tmp_path / "there" / "records").exists()
    assert not list((there.root / "temporary").glob("*"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_bundle_that_was_cut_short_is_refused(bundle, tmp_path, share):
    content = bundle.read_bytes()
    bundle.write_bytes(content[: int(len(content.rstrip(b"\0")) * share)])
    assert_refused(bundle, tmp_path, "nothing was imported|Nothing was imported|is no bundle")


@pytest.mark.parametrize("inside", ["tensors.safetensors", "manifest.json"])
def test_a_flipped_bit_is_refused(bundle, tmp_path, inside):
    with tarfile.open(bundle) as tar:
        member = next(member for member in tar if member.name.endswith(inside))
    content = bytearray(bundle.read_bytes())
    content[member.offset_data + member.size // 2] ^= 4
    bundle.write_bytes(content)
    assert_refused(bundle, tmp_path, "not what was exported")


def rewritten(bundle, change):
    """The bundle with other members: `change` maps the list of (TarInfo, content) to another."""
    with tarfile.open(bundle) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(bundle, "w") as tar:
        for member, content in change(members):
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "name",
    ["../outside.json", "/tmp/outside.json", f"records/s/../../{'2' * 32}.json", f"records/other/{'2' * 32}.json", "bundle.json",
     f"artifacts/aa/{'b' * 64}/data.json", f"artifacts/bb/{'b' * 64}/code.pkl", "records/s"],
)  # fmt: skip
def test_a_name_that_does_not_belong_is_refused(bundle, tmp_path, name):
    rewritten(bundle, lambda members: [*members, (tarfile.TarInfo(name), b"{}")])
    assert_refused(bundle, tmp_path, "does not belong")
    assert not (tmp_path / "outside.json").exists()


def test_a_link_is_refused(bundle, tmp_path):
    link = tarfile.TarInfo(f"records/s/{'2' * 32}.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    rewritten(bundle, lambda members: [*members, (link, b"")])
    assert_refused(bundle, tmp_path, "does not belong")


def test_an_artifact_that_lies_about_itself_is_refused(bundle, tmp_path):
    """Its checksums in the bundle are right, those of its own manifest are not."""

    def change(members):
        import hashlib

        index = json.loads(members[0][1])
        out = []
        for member, content in members[1:]:
            if member.name.endswith(f"{DENSE}/data.json"):
                content = b"{}"
                index["sha256"][member.name] = hashlib.sha256(content).hexdigest()
            out.append((member, content))
        return [(members[0][0], json.dumps(index).encode()), *out]

    rewritten(bundle, change)
    assert_refused(bundle, tmp_path, "nothing was imported")


def test_a_newer_bundle_is_named(bundle, tmp_path):
    rewritten(bundle, lambda members: [(members[0][0], members[0][1].replace(b'"format": 1', b'"format": 7')), *members[1:]])
    assert_refused(bundle, tmp_path, "newer prunelab")


def test_an_export_that_fails_leaves_the_last_one(store, bundle, tmp_path, monkeypatch):
    before = bundle.read_bytes()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        export(store, tmp_path / "home" / "records", "s", [DENSE], bundle)
    assert bundle.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_nothing_is_left_of_a_removed_artifact(store):
    store.remove(DENSE)
    assert not store.has(DENSE)
    shutil.rmtree(store.root / "temporary")
    with pytest.raises(KeyError):
        store.read(DENSE)
