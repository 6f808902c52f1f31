"""A Hub that refuses or fails: a clear message, and nothing half-published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.errors import HubError, InputError
from pipeline.hub.push import Target
from tests.hub.local_hub import Fault, LocalHub
from tests.hub.local_hub import Repository as Stored
from tests.hub.scene import NAME, Scene, online

# The client's own, of every upload without Xet.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
EMPTY = [".gitattributes"]


@pytest.fixture(scope="module")
def labelled(module_recipe, label_once) -> Path:
    return label_once(module_recipe(5)).root


@pytest.fixture
def scene(labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    online(monkeypatch)
    dataset = shutil.copytree(labelled, tmp_path / "dataset")
    with LocalHub() as hub:
        yield Scene(hub, Path(dataset), tmp_path)


COMMIT = f"{NAME}/commit/"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("POST", "/repos/create", 403), "may not write there"),
        (Fault("POST", "/preupload/", 403, 9), "may not write there"),
        (Fault("POST", COMMIT, 401, 9), "the Hub does not take the token"),
        (Fault("POST", COMMIT, 403, 9), "may not write there"),
        (Fault("POST", COMMIT, 409, 9), "another operation is in the way"),
        (Fault("POST", COMMIT, 412, 9), "somebody else keeps committing there"),
        (Fault("POST", COMMIT, 429, 9), "the Hub asks for patience"),
        (Fault("POST", COMMIT, 500, 9), "the Hub has trouble of its own"),
        (Fault("POST", COMMIT, 503, 9), "the Hub has trouble of its own"),
        (Fault("POST", COMMIT, "close", 9), "the Hub does not answer"),
        (Fault("PUT", "/lfs/", 403, 99), "may not write there"),
        (Fault("PUT", "/lfs/", "close", 9999), "the Hub does not answer"),
        (Fault("GET", f"/api/datasets/{NAME}", 502, 99), "the Hub has trouble of its own"),
    ],
)
def test_what_goes_on_failing_is_said_and_nothing_is_published(
    scene: Scene, fault: Fault, said: str
) -> None:
    scene.hub.faults.append(fault)
    with pytest.raises(HubError, match=said) as error:
        scene.push()
    assert "Nothing was published" in error.value.message
    assert "secret" not in error.value.message  # of a signed URL
    assert scene.visible() in ([], EMPTY)
    scene.hub.faults.clear()
    scene.push()
    stored = scene.hub.repositories[NAME]
    assert len(stored.commits) == 2
    assert len(stored.tags) == 1
    assert len(scene.hub.uploaded) == len(stored.lfs)  # each object once, in both pushes


def test_the_same_version_again_changes_nothing(scene: Scene) -> None:
    scene.push()
    stored = scene.hub.repositories[NAME]
    before = (dict(stored.branches), dict(stored.tags), len(scene.hub.uploaded))
    again = scene.push()
    assert (again.changes.add, again.changes.remove, again.new_tag) == ((), (), False)
    assert (dict(stored.branches), dict(stored.tags), len(scene.hub.uploaded)) == before
    assert scene.hub.count(f"POST /api/datasets/{COMMIT}") == 1


def test_a_pull_request_is_offered_once_and_tagged_when_it_was_taken(scene: Scene) -> None:
    offer = Target(pull_request=True)
    url = scene.push(offer).url
    stored = scene.hub.repositories[NAME]
    assert scene.visible() == EMPTY
    assert "data/train-00000-00000.parquet" in stored.files("refs/pr/1")
    again = scene.push(offer)
    assert (again.url, bool(again.changes)) == (url, False)
    assert list(stored.requests) == [1]
    assert not stored.tags
    stored.merge(1)
    assert scene.push().new_tag
    assert len(stored.commits) == 2


def test_a_pull_request_is_offered_to_the_branch_that_was_named(scene: Scene) -> None:
    scene.push(Target(pull_request=True))
    stored = scene.hub.repositories[NAME]
    offer = Target("dev", pull_request=True)
    url = scene.push(offer).url  # the same version to another branch is another offer
    assert scene.push(offer).url == url
    assert stored.targets == {1: "main", 2: "dev"}
    assert stored.branches["dev"] == stored.branches["main"]


def test_an_offer_whose_answer_was_lost_is_not_made_twice(scene: Scene) -> None:
    scene.hub.faults.append(Fault("POST", COMMIT, "lost"))
    assert scene.push(Target(pull_request=True)).url
    assert list(scene.hub.repositories[NAME].requests) == [1]


def test_a_card_that_a_person_edited_keeps_their_words(scene: Scene) -> None:
    scene.push()
    stored = scene.hub.repositories[NAME]
    text = stored.files()["README.md"].decode().replace('license: "unknown"', "license: mit")
    stored.edit("README.md", text.replace("\n<!-- stepsmith:b", "\nAsk Ada.\n\n<!-- stepsmith:b"))
    manifest = scene.dataset / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"name": "toy two"}))
    scene.push()
    card = stored.files()["README.md"].decode()
    assert yaml.safe_load(card.split("---")[1])["license"] == "mit"
    assert "\nAsk Ada.\n" in card
    assert "# toy two" in card
    assert not scene.push().changes


def test_what_was_pushed_holds_no_token_and_no_folder_of_this_machine(scene: Scene) -> None:
    scene.push()
    for path, data in scene.hub.repositories[NAME].files().items():
        assert scene.hub.token.encode() not in data, path
        assert str(scene.tmp_path).encode() not in data, path
    for place in scene.tmp_path.rglob("*"):
        assert place.is_dir() or scene.hub.token.encode() not in place.read_bytes(), place


def test_another_version_sends_only_what_changed(scene: Scene) -> None:
    scene.push()
    stored = scene.hub.repositories[NAME]
    (first,) = stored.tags
    old, sent = stored.files(), len(scene.hub.uploaded)
    relabel(scene.dataset)
    pushed = scene.push()
    assert pushed.changes.add == ("data/train-00000-00000.parquet",)
    assert len(scene.hub.uploaded) == sent + 1
    assert stored.files(first) == old
    assert len(stored.tags) == 2


def test_a_token_that_is_refused_is_not_repeated(scene: Scene) -> None:
    with pytest.raises(HubError, match="the Hub does not take the token") as error:
        scene.push(token="hf_wrong0123456789")
    assert "hf_wrong0123456789" not in error.value.message
    assert scene.visible() == []


@pytest.mark.parametrize("kind", [409, 429, 500, 502, "close", "lost"])
def test_what_fails_once_is_tried_again(scene: Scene, kind: int | str) -> None:
    scene.hub.faults.append(Fault("POST", COMMIT, kind))
    assert scene.push().new_tag
    assert scene.waits == [1.0]
    assert len(scene.hub.repositories[NAME].commits) == 2


def test_it_waits_as_long_as_the_hub_asks(scene: Scene) -> None:
    scene.hub.faults.append(Fault("POST", COMMIT, 429, headers={"Retry-After": "37"}))
    scene.push()
    assert scene.waits == [37.0]


def test_a_commit_that_came_between_is_kept(scene: Scene) -> None:
    def somebody(stored: Stored) -> None:
        stored.edit("NOTES.md", "by somebody else")

    scene.hub.before_commit = somebody
    scene.push()
    stored = scene.hub.repositories[NAME]
    assert stored.files()["NOTES.md"] == b"by somebody else"
    assert "data/train-00000-00000.parquet" in stored.files()
    assert len(stored.commits) == 3


def test_a_tag_that_failed_is_set_by_the_next_push(scene: Scene) -> None:
    scene.hub.faults.append(Fault("POST", f"{NAME}/tag/", 500, 9))
    with pytest.raises(HubError, match=r"is published .*, its tag .* is not: run the same"):
        scene.push()
    scene.hub.faults.clear()
    assert scene.push().new_tag
    stored = scene.hub.repositories[NAME]
    assert list(stored.tags.values()) == [stored.branches["main"]]
    assert len(stored.commits) == 2


def test_a_tag_is_never_moved(scene: Scene) -> None:
    scene.push(Target(tag="v1"))
    relabel(scene.dataset)
    with pytest.raises(InputError, match="the tag v1 is there already, on another version"):
        scene.push(Target(tag="v1"))
    stored = scene.hub.repositories[NAME]
    assert len(stored.commits) == 2
    scene.push(Target(tag="v2"))
    assert stored.tags["v1"] != stored.tags["v2"] == stored.branches["main"]


def test_files_of_an_older_version_go_and_those_of_others_stay(scene: Scene) -> None:
    scene.push()
    stored = scene.hub.repositories[NAME]
    stored.edit("LICENSE", "theirs")
    (scene.dataset / "tree" / "00000-00000.parquet").unlink()
    scene.push()
    assert "LICENSE" in stored.files()
    assert "tree/00000-00000.parquet" not in stored.files()


@pytest.mark.parametrize(
    "path",
    ["data/train.csv", "train/00000-00001.parquet", "evidence/00000-00001.parquet", "train.jsonl"],
)
def test_data_of_others_is_not_written_over(scene: Scene, path: str) -> None:
    stored = scene.hub.create(NAME)
    stored.edit(path, "a,b")
    stored.edit("manifest.json", '{"stepsmith": "a word of theirs"}')
    before = stored.files()
    with pytest.raises(InputError, match=rf"Stepsmith did not write \(.*{path}.*\)"):
        scene.push()
    assert (stored.files(), scene.hub.uploaded) == (before, [])


def test_a_repository_that_holds_words_alone_is_taken(scene: Scene) -> None:
    stored = scene.hub.create(NAME)
    stored.edit("LICENSE", "theirs")
    stored.edit("docs.md", "theirs")
    assert scene.push().new_tag
    assert stored.files()["LICENSE"] == b"theirs"


def test_a_file_of_others_that_is_named_like_a_shard_stays(scene: Scene) -> None:
    scene.push()
    stored = scene.hub.repositories[NAME]
    stored.edit("train/00000-00001.parquet", "theirs")
    assert not scene.push().changes
    assert stored.files()["train/00000-00001.parquet"] == b"theirs"


def test_a_public_repository_is_not_taken_for_a_private_one(scene: Scene) -> None:
    scene.hub.create(NAME)
    with pytest.raises(InputError, match="is public, and --private cannot change that"):
        scene.push(Target(private=True))
    assert scene.visible() == EMPTY


def test_a_new_repository_is_private_where_asked(scene: Scene) -> None:
    scene.push(Target(private=True))
    assert scene.hub.repositories[NAME].private


def test_another_schema_version_is_refused_with_the_way_out(scene: Scene) -> None:
    manifest = scene.dataset / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema_version": 3}))
    with pytest.raises(InputError, match=r"of schema version 3, .*`stepsmith derive .* --out NEW`"):
        scene.push()
    assert not scene.hub.log


@pytest.mark.parametrize("name", ["name", "counts"])
def test_a_manifest_without_a_field_is_refused(scene: Scene, name: str) -> None:
    manifest = scene.dataset / "manifest.json"
    found = json.loads(manifest.read_text())
    del found[name]
    manifest.write_text(json.dumps(found))
    with pytest.raises(InputError, match=rf"manifest\.json: its field {name} is missing"):
        scene.push()


def test_a_card_that_is_no_text_is_refused(scene: Scene) -> None:
    (scene.dataset / "README.md").write_bytes(b"# caf\xe9")
    with pytest.raises(InputError, match=r"README\.md: is not UTF-8 \(byte 5\): save it as UTF-8"):
        scene.push()


def test_a_run_that_has_not_ended_is_refused(scene: Scene) -> None:
    (scene.dataset / "manifest.json").unlink()
    with pytest.raises(InputError, match="has not ended"):
        scene.push()
    assert not scene.hub.log


def test_a_missing_shard_is_refused(scene: Scene) -> None:
    manifest = scene.dataset / "manifest.json"
    found = json.loads(manifest.read_text())
    found["batches"][0]["shards"].append("00000-00009")
    manifest.write_text(json.dumps(found))
    with pytest.raises(InputError, match=r"1 of its 2 shards are not there \(00000-00009\)"):
        scene.push()


def test_a_shard_that_is_being_written_is_no_part_of_the_version(scene: Scene) -> None:
    evidence = scene.dataset / "evidence"
    shutil.copy(evidence / "00000-00000.parquet", evidence / "00001-00000.parquet")
    assert "evidence/00001-00000.parquet" not in scene.push().changes.add


def test_shards_that_a_run_has_added_since_are_refused(scene: Scene) -> None:
    data = scene.dataset / "data"
    shutil.copy(data / "train-00000-00000.parquet", data / "train-00001-00000.parquet")
    said = r"1 of its shards are not in its manifest yet \(00001-00000\): a run is at work there"
    with pytest.raises(InputError, match=said):
        scene.push()
    assert not scene.hub.log


def test_more_files_than_a_commit_takes_are_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.hub.content.MOST_FILES", 5)
    with pytest.raises(InputError, match=r"one commit takes 5: label with a larger run.shard_prob"):
        scene.push()


def test_a_damaged_shard_is_refused(scene: Scene) -> None:
    place = scene.dataset / "data" / "train-00000-00000.parquet"
    place.write_bytes(place.read_bytes()[:-500])
    with pytest.raises(InputError, match="one of its files cannot be read"):
        scene.push()
    assert not scene.hub.log


def test_what_the_loader_of_readers_cannot_load_is_refused(scene: Scene) -> None:
    card = scene.dataset / "README.md"
    info = "dataset_info:\n  features:\n  - name: x\n    dtype: int64\n"
    card.write_text(card.read_text().replace("---\n", f"---\n{info}", 1))
    with pytest.raises(InputError, match="cannot load what would be pushed"):
        scene.push()
    assert not scene.hub.repositories


def test_rows_that_are_missing_are_noticed(scene: Scene) -> None:
    place = scene.dataset / "data" / "train-00000-00000.parquet"
    pq.write_table(pq.read_table(place).slice(1), place)
    with pytest.raises(InputError, match=r"loads \d+ rows, the shards hold \d+ and the manifest"):
        scene.push()


def relabel(dataset: Path) -> None:
    """Another version: one of the tables has other bytes."""
    place = dataset / "data" / "train-00000-00000.parquet"
    pq.write_table(pq.read_table(place), place, compression="gzip")
