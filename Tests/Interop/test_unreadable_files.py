"""Files that cannot be read, or will not be once the daemon has become another user: the check, the
log and the answers say which, what follows, and what to do."""

import subprocess

import pytest
from daemons import Swabeld, binary_under_test
from netns import wait_until
from test_client import ask, state, two

KEY = "5a" * 32


def checked(host, file):
    """The remarks of a check."""
    done = subprocess.run(
        ["ip", "netns", "exec", host.name, binary_under_test(), "--check", str(file)],
        capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_configuration_for_root_only(lab):
    """With `user` the configuration can be read at the start and not later."""
    lab.directory.chmod(0o755)
    file = lab.directory / "conf"
    file.write_text("interface l0\nuser nobody\n")
    file.chmod(0o600)
    n, _, node = two(lab, [state(lab)], words=["-c", str(file)])
    cure = f"chgrp 65534 {file} and chmod g+r it"
    remark = f"user nobody cannot read {file} again"
    for text in (checked(n, file), node.process.text()):
        assert remark in text and "reload is refused" in text and cure in text, text
    for request in (["reload"], ["reload", "--dry-run"]):
        status, _, complaint = ask(node, *request)
        assert status == 1 and remark in complaint and cure in complaint, complaint
        assert complaint.count("\n") == 1 and "systemctl restart swabeld" in complaint
    status, _, complaint = ask(node, "restart")
    assert status == 1 and "systemctl restart swabeld" in complaint
    # What was advised helps.
    n.execute("chgrp", "65534", str(file))
    n.execute("chmod", "g+r", str(file))
    assert ask(node, "reload")[0] == 0
    assert "cannot read" not in checked(n, file)
    # A mistake is no matter of rights.
    file.write_text("interface l0\nuser nobody\nnonsense\n")
    status, _, complaint = ask(node, "reload")
    assert status == 1 and "nonsense" in complaint and "cannot read" not in complaint
    assert node.stop() == 0


def test_what_a_configuration_names(lab):
    """Included files, key files and the directories that lead there count, too."""
    lab.directory.chmod(0o755)
    parts = lab.directory / "parts"
    parts.mkdir(mode=0o700)
    (parts / "a.conf").write_text(f"key id k type hmac-sha256 file {lab.directory}/key\n")
    (lab.directory / "key").write_text(KEY + "\n")
    (lab.directory / "key").chmod(0o600)
    file = lab.directory / "conf"
    file.write_text("include parts/*.conf\ninterface l0\nuser nobody\n")
    host = lab.namespace("h")
    text = checked(host, file)
    assert f"cannot read {parts}/a.conf again, because of the rights of {parts}" in text, text
    assert "move the file to a directory that nobody may enter" in text
    assert f"chown nobody {lab.directory}/key" in text
    assert f"cannot read {file}" not in text
    for words in (["chgrp", "65534", str(parts)], ["chmod", "g+x", str(parts)],
                  ["chown", "nobody", f"{lab.directory}/key"]):
        host.execute(*words)
    assert "cannot read" not in checked(host, file)
    file.write_text("include parts/*.conf\ninterface l0\n")
    host.execute("chown", "0", f"{lab.directory}/key")
    assert "cannot read" not in checked(host, file)


@pytest.mark.parametrize("name", ["state", "state.swabeld"])
def test_a_directory_for_notes(lab, name):
    """A directory is in the place of the state file or of our notes."""
    (lab.directory / name).mkdir()
    n, _, node = two(lab, [state(lab)])
    remark = f"The state file {lab.directory / name} is a directory: nothing is known of an"
    assert remark in node.process.text()
    status, _, complaint = ask(node, "restart")
    assert status == 1 and "state file" in complaint
    assert node.stop() == 0


def test_notes_of_somebody_else(lab):
    """Notes and a state file that this user may neither read nor write."""
    host = lab.namespace("h")
    folder = lab.directory / "folder"
    for place, mode in ((folder, 0o755), (folder, 0o700)):
        place.mkdir(exist_ok=True)
        for name in ("state", "state.swabeld"):
            (place / name).write_text("17\n")
            (place / name).chmod(0o600)
        place.chmod(mode)
        lab.directory.chmod(0o777)
        node = Swabeld(host, ["l0"], statements=[
            f"state-file {place}/state", "skip-kernel-setup true"], wrapper=[
            "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps",
            "+net_admin", "--ambient-caps", "+net_admin", "--"])
        wait_until(lambda: "Without these notes restart" in node.process.text(), 5, "it is told")
        text = node.process.text()
        assert f"{place}/state.swabeld is ignored: open {place}/state.swabeld: Perm" in text, text
        assert "What an earlier process knew is lost" in text
        assert f"Couldn't read babel-state: open {place}/state: Permission denied; " in text
        assert f"Couldn't write {place}/state.swabeld" in text
        status, _, complaint = ask(node, "restart")
        assert status == 1 and f"user 65534 may not write {place}/state.swabeld" in complaint
        assert node.stop() == 0
