"""What is sent, what is read, and one sentence for each thing that goes wrong."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pixleak
from loopback import Service, brightness, kserve_service, serving
from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request
from pixleak.targets import HttpEndpoint, KServe
from pixleak.targets.adapter import Adapter, InputAdapter, OutputAdapter
from pixleak.targets.base import Untwinned
from pixleak.targets.endpoint.answer_store import AnswerStore
from pixleak.targets.endpoint.transport import retry_after
from pixleak.targets.target_for import adapted

TRUTH = LabelTruth(2)
SECRET = "tok-77aa-55"
BYTES = torch.arange(2 * 6 * 7).reshape(2, 1, 6, 7).float() * 3 / 255
"""Images whose values are whole bytes, so that a PNG holds them exactly."""


def _asked(kind: Any, images: Tensor = BYTES, access: Access = Access.PROBABILITY) -> Tensor:
    return kind.open(TRUTH, access).predict(images).values


@pytest.mark.parametrize(
    ("encode", "more"),
    [
        ("npy", {}),
        ("npy", {"batch": 2}),
        ("npy", {"dtype": "uint8"}),
        ("json", {"batch": 2}),
        ("json", {}),
        ("png", {}),
    ],
)
@pytest.mark.parametrize("decode", ["npy", "json"])
def test_every_way_of_writing_gives_the_same_answers(
    encode: str, decode: str, more: dict[str, Any]
) -> None:
    with serving(Service(decode=encode, encode=decode)) as service:
        found = _asked(HttpEndpoint(service.url, encode=encode, decode=decode, **more))
    assert torch.allclose(found, torch.from_numpy(brightness(BYTES.numpy())), atol=1e-6)
    assert service.sizes == ([2] if "batch" in more else [1, 1])


def test_a_png_is_a_label_map() -> None:
    def labels(images: np.ndarray) -> np.ndarray:
        return (images[:, 0] > 0.2).astype(np.uint8)

    with serving(Service(labels, decode="png", encode="png")) as service:
        kind = HttpEndpoint(service.url, encode="png", decode="png")
        found = _asked(kind, access=Access.LABEL)
    assert torch.equal(found, (BYTES[:, 0] > 0.2).long())


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("datatype", ["FP32", "UINT8"])
def test_kserve_is_asked_by_what_its_metadata_say(datatype: str, binary: bool) -> None:
    with serving(kserve_service(datatype, binary=binary), "/v2/models/m") as service:
        target = KServe(service.url, batch=2).open(TRUTH, Access.PROBABILITY)
        if datatype == "UINT8":
            with pytest.raises(InputError, match=r"set target\.input\.range to \[0, 255\]"):
                target.predict(BYTES)
            target = adapted(target, Adapter(input=InputAdapter(range=(0, 255))))
        found = target.predict(BYTES).values
    assert torch.allclose(found, torch.from_numpy(brightness(BYTES.numpy())), atol=1e-6)
    assert service.sizes == [2]


def test_kserve_that_changes_its_version_is_refused_at_once() -> None:
    with serving(kserve_service(), "/v2/models/m") as service:
        target = KServe(service.url).open(TRUTH, Access.PROBABILITY)
        target.predict(BYTES[:1])
        service.version = "2"
        with pytest.raises(InputError, match="answered as version 2, but said before"):
            target.predict(BYTES[1:])
    assert service.requests == 2


def test_the_identity_follows_address_and_version() -> None:
    with serving(Service()) as service:

        def identity(**more: str) -> Any:
            target = HttpEndpoint(service.url, **more).open(TRUTH, Access.PROBABILITY)
            return target.identity([target.predict(BYTES[:1]).values])

        assert identity() == identity()
        assert identity() != identity(version="2")
        with serving(Service()) as other:
            target = HttpEndpoint(other.url).open(TRUTH, Access.PROBABILITY)
            assert target.identity([target.predict(BYTES[:1]).values]) != identity()
        twin = target.untrained(0)
    assert isinstance(twin, Untwinned)
    assert "out of reach" in twin.reason


def test_equal_images_are_asked_about_once_and_again_on_purpose(tmp_path: Path) -> None:
    twice = torch.cat([BYTES, BYTES])
    with serving(Service()) as service:
        for _ in range(2):  # the second time in a process of its own, as it were
            kind = HttpEndpoint(service.url, answers=tmp_path)
            target = kind.open(TRUTH, Access.PROBABILITY)
            target.predict(twice)
            with target.anew("again"):
                target.predict(BYTES[:1])
            with target.anew("sample", each=True):
                target.predict(torch.cat([BYTES[:1]] * 3))
    assert service.requests == 2 + 1 + 3


def test_a_damaged_answer_is_asked_for_again_and_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = AnswerStore(tmp_path)
    store.put("ab", np.ones((2, 3)))
    (path,) = tmp_path.glob("??/*.answer")
    path.write_bytes(path.read_bytes()[:-1])
    assert store.get("ab") is None
    assert "damaged" in caplog.text
    assert (store.has("ab"), store.paid()) == (False, 1)


def _fails(kind: str, **more: Any) -> tuple[str, Service]:
    more = {"pause": 0.001, "timeout": 0.5, "attempts": 3, **more}
    failing = Service(fails=lambda number: kind)
    with serving(failing) as service, pytest.raises(InputError) as raised:
        _asked(HttpEndpoint(service.url, **more), BYTES[:1])
    return str(raised.value), service


@pytest.mark.parametrize(
    ("how", "requests", "told"),
    [
        ("404", 1, r"answered with status 404 \(out of order\); check the address"),
        ("500", 3, r"status 500 \(out of order\), after 3 attempts; what was answered so far is"),
        ("429 0.01", 3, r"status 429 \(slow down\), after 3 attempts"),
        ("429 9999", 1, r"asks to wait 9999 s, longer than target.longest_wait \(300 s\)"),
        ("late", 3, r"did not answer within 0.5 s \(target.timeout\), after 3 attempts"),
        ("cut", 3, r"cut or refused the connection \(.*\), after 3 attempts"),
        ("html", 2, r"answered, but it is no .npy file \(content type: text/html\)"),
        ("type", 2, r"holds values of type complex64, not real numbers"),
        ("size", 2, r"an answer must have the image's height and width, 6 x 7: resize it"),
        ("401", 1, r"refuses access \(401\): set target.token to env:NAME"),
        ("redirect http://localhost:9/x", 1, r"redirects to http://localhost:9/x; neither images"),
    ],
)
def test_each_failure_is_one_sentence(how: str, requests: int, told: str) -> None:
    sentence, service = _fails(how)
    assert re.search(told, sentence), sentence
    assert service.requests == requests


def test_a_redirect_to_another_host_gets_neither_token_nor_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", SECRET)
    with serving(Service()) as other:
        sentence, _ = _fails(f"redirect {other.url}", token="env:SERVICE_TOKEN")
    assert other.requests == 0
    assert SECRET not in sentence


def test_a_token_is_in_no_object_sentence_or_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", SECRET)
    how = {"404", "500", "403"}
    for kind in how:
        with serving(Service(fails=lambda number, kind=kind: kind)) as service:
            given = HttpEndpoint(service.url, token="env:SERVICE_TOKEN", attempts=1)
            target = given.open(TRUTH, Access.PROBABILITY)
            with pytest.raises(InputError) as raised:
                target.predict(BYTES)
        text = "".join(traceback.format_exception(raised.value))
        text += repr(vars(target.meter)) + repr(vars(target.meter.transport)) + repr(given)
        assert SECRET not in text
    assert service.tokens[0] == f"Bearer {SECRET}"
    assert SECRET.encode() not in pickle.dumps(copy.copy(given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"http": "host/path"}, "target: http: must be an address such as https://host/path"),
        ({"http": "ftp://host"}, "must be an address such as https://host/path"),
        ({"http": "https://me:pw@host/"}, "holds a user or password"),
        ({"http": "https://host/?api_key=1"}, "has 'api_key' after its '?'"),
        ({"http": "https://host", "token": SECRET}, "must name an environment variable"),
        ({"http": "https://host", "encode": "png", "batch": 2}, "a PNG holds one image"),
        ({"http": "https://host", "budget": 0}, "budget must be at least 1"),
        ({"http": "https://host", "bugdet": 9}, "did you mean 'budget'"),
        ({"kserve": "http://host/m"}, "must be the address of a model"),
    ],
)
def test_a_wrong_setting_is_one_sentence_without_the_token(
    given: dict[str, Any], told: str
) -> None:
    records = {"reader": "phantom", "count": 24, "size": 16}
    request = {"members": records, "nonmembers": {**records, "seed": 1}, "target": given}
    with pytest.raises(InputError) as raised:
        parse_request(request)
    assert told in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_token_that_is_not_set_is_told_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SERVICE_TOKEN", raising=False)
    with pytest.raises(InputError, match="SERVICE_TOKEN, which is not set or empty"):
        HttpEndpoint("https://host", token="env:SERVICE_TOKEN").open(TRUTH, Access.LOGIT)
    monkeypatch.setenv("SERVICE_TOKEN", "a\nb")
    with pytest.raises(InputError, match="characters that no header can carry"):
        HttpEndpoint("https://host", token="env:SERVICE_TOKEN").open(TRUTH, Access.LOGIT)


def test_retry_after_is_seconds_or_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 25 < retry_after(format_datetime(soon, usegmt=True)) <= 30
    assert retry_after("3") == 3
    with serving(Service(fails=lambda number: "429 0.4" if number == 1 else None)) as service:
        _asked(HttpEndpoint(service.url, pause=0.001), BYTES[:1])
    assert service.moments[1] - service.moments[0] >= 0.4


def test_the_budget_is_never_exceeded_by_answers_that_cannot_be_used(tmp_path: Path) -> None:
    images = torch.rand(6, 1, 5, 5, generator=torch.Generator().manual_seed(1))
    fails = {2: "html", 4: "size"}.get
    with serving(Service(fails=fails)) as service:
        kind = HttpEndpoint(service.url, budget=6, pause=0.001, answers=tmp_path)
        with pytest.raises(InputError, match="budget 6 is used up"):
            _asked(kind, images)
        assert service.requests == 6
        _asked(kind.model_copy(update={"budget": 8}), images)
    assert service.requests == 8


def test_an_endpoint_has_no_discriminator_and_no_key_of_an_adapter() -> None:
    with serving(Service()) as service:
        kind = HttpEndpoint(service.url)
        with pytest.raises(InputError, match="gives no discriminator away"):
            kind.open(ImageTruth(1), Access.DISCRIMINATOR)
        target = kind.open(TRUTH, Access.PROBABILITY)
        target = adapted(target, Adapter(output=OutputAdapter(key="out")))
        with pytest.raises(InputError, match=r"name the entry of its answer with target\.answer_k"):
            target.predict(BYTES)
    assert service.requests == 0


def test_an_untrusted_certificate_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def refuse(*args: object, **kwargs: object) -> None:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    monkeypatch.setattr(httpx.Client, "stream", refuse)
    with pytest.raises(
        InputError, match=r"certificate of https://host cannot be verified.*SSL_CERT"
    ):
        _asked(HttpEndpoint("https://host"))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tenacity", None)
    with pytest.raises(pixleak.MissingExtraError, match=r"pip install 'pixleak\[http\]'"):
        HttpEndpoint("https://host").open(TRUTH, Access.LOGIT)


@pytest.mark.parametrize("access", ["probability", pytest.param("label", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_rounded_and_hard_services_are_audited_and_kept_across_runs(
    tmp_path: Path, access: str
) -> None:
    def answer(images: np.ndarray) -> np.ndarray:
        values = brightness(images)
        return values.argmax(axis=1) if access == "label" else values.round(2)

    records = pixleak.phantom(40, size=16, seed=0)
    sides = records.select(records.ids[:20]), records.select(records.ids[20:])
    with serving(Service(answer)) as service:
        endpoint = HttpEndpoint(service.url, batch=8)
        with pytest.raises(InputError, match=r"say where with TargetModel\(answers=\.\.\.\)"):
            pixleak.audit(endpoint, *sides, access=access)
        assert service.requests == 0
        report = pixleak.audit(endpoint, *sides, access=access, out=tmp_path)
        before = service.requests
        pixleak.audit(endpoint, *sides, access=access, out=tmp_path)
        assert service.requests == before
    untrained = next(one for one in report.controls if one.name == "untrained-model")
    assert untrained.passed is None
    assert "out of reach" in untrained.explanation
    assert isinstance(report, pixleak.AuditReport)
    names = {one.name for one in report.attacks}
    assert names


def test_python_and_yaml_make_the_same_request() -> None:
    records = pixleak.phantom(40, size=16, seed=0)
    mine = AuditRequest(
        members=records.select(records.ids[:20]),
        nonmembers=records.select(records.ids[20:]),
        target=pixleak.TargetModel(HttpEndpoint("https://host/p", batch=4, budget=9)),
    )
    theirs = parse_request(
        {
            "members": {"reader": "phantom", "count": 24},
            "nonmembers": {"reader": "phantom", "count": 24},
            "target": {"http": "https://host/p", "batch": 4, "budget": 9},
        }
    )
    assert mine.target.kind == theirs.target.kind


def test_where_one_of_several_requests_fails_its_own_reason_is_told(tmp_path: Path) -> None:
    images = torch.rand(12, 1, 5, 5, generator=torch.Generator().manual_seed(2))
    with serving(Service(fails={3: "404"}.get)) as service:
        kind = HttpEndpoint(service.url, concurrency=4, per_second=50, answers=tmp_path)
        with pytest.raises(InputError, match="answered with status 404"):
            _asked(kind, images)
        paid = sum(service.paid.values())
        answers = _asked(kind, images)
    assert answers.shape == (12, 2, 5, 5)
    # Every answer that was given was kept, so that none is paid for twice.
    assert 0 < paid < 12
    assert set(service.paid.values()) == {1}
