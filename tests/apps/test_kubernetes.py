"""The Kubernetes example is what Kubernetes' schema asks for, and its parts fit each other and the command."""

import re

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from apps.cli import app
from tests.tree import ROOT

FOLDER = ROOT / "apps" / "kubernetes"
PARTS = {part["kind"]: part for part in yaml.safe_load_all((FOLDER / "train.yaml").read_text())}
JOB = PARTS["Job"]["spec"]
POD = JOB["template"]["spec"]
WORKER = POD["containers"][0]


@pytest.mark.parametrize("kind", PARTS)
def test_each_part_is_what_the_schema_asks_for(kind):
    kubernetes_validate.validate(PARTS[kind], "1.34", strict=True)


def test_a_misspelt_field_would_be_found():
    wrong = {**PARTS["Job"], "spec": {**JOB, "paralelism": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


def test_every_worker_has_an_address_by_which_the_others_find_it():
    name, port = PARTS["Job"]["metadata"]["name"], WORKER["ports"][0]["containerPort"]
    addresses = next(text for text in WORKER["args"] if text.startswith("--addresses="))
    expected = [f"{name}-{index}.{POD['subdomain']}:{port}" for index in range(JOB["completions"])]
    assert addresses == f"--addresses={','.join(expected)}"
    assert JOB["completionMode"] == "Indexed" and JOB["parallelism"] == JOB["completions"]
    assert PARTS["Service"]["metadata"]["name"] == POD["subdomain"]
    assert PARTS["Service"]["spec"]["clusterIP"] == "None"
    policy = PARTS["NetworkPolicy"]["spec"]
    assert (
        policy["podSelector"]["matchLabels"]
        == PARTS["Service"]["spec"]["selector"]
        == {"job-name": name}
    )
    assert policy["ingress"][0]["ports"] == [{"port": port}]


def test_the_run_is_kept_on_the_claim():
    folder = next(text for text in WORKER["args"] if text.startswith("--folder=")).partition("=")[2]
    mount, other = WORKER["volumeMounts"]
    volume, scratch = POD["volumes"]
    assert folder.startswith(f"{mount['mountPath']}/") and mount["name"] == volume["name"]
    assert (
        volume["persistentVolumeClaim"]["claimName"]
        == PARTS["PersistentVolumeClaim"]["metadata"]["name"]
    )
    # Nothing else can be written but /tmp, where a pod's files end with it.
    assert other == {"name": "tmp", "mountPath": "/tmp"}
    assert scratch == {"name": "tmp", "emptyDir": {}}


def test_the_pods_have_no_more_rights_than_they_need():
    assert POD["securityContext"]["runAsNonRoot"] and not POD["automountServiceAccountToken"]
    assert WORKER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert WORKER["resources"]["limits"]["memory"]


def test_command_takes_these_options_and_the_index_of_the_job():
    digits, *command = WORKER["command"]
    assert digits == "digits"
    text = CliRunner().invoke(app, [*command[:2], "--help"]).stdout
    assert all(re.search(rf"{option.partition('=')[0]}\b", text) for option in WORKER["args"])
    assert "JOB_COMPLETION_INDEX" in text


def test_the_yaml_in_the_page_can_be_read():
    (values,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert set(yaml.safe_load(values)["singleuser"]) >= {
        "image",
        "memory",
        "cpu",
        "extraEnv",
        "lifecycleHooks",
    }
