"""What the commands about people share: reading a password, finding somebody, saying what is wrong."""

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from audit.heads import ChainBroken, mark_broken
from teams.models import Team, User


def add_password_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def read_secret(*, from_stdin: bool, prompt: str) -> str:
    """One line from standard input when asked for, else a hidden prompt; never from the command line itself."""
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return getpass.getpass(prompt)


def find_team(text: str) -> Team:
    team = Team.objects.filter(slug=text).first() or Team.objects.filter(name=text).first()
    if team is None:
        known = ", ".join(Team.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no team “{text}”. Teams: {known}.")
    return team


def find_user(email: str) -> User:
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise CommandError(f"There is no account with the address {email}.")
    return user


def find_id(number: int) -> User:
    user = User.objects.filter(pk=number).first()
    if user is None:
        raise CommandError(f"There is no person {number}.")
    return user


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a service finds wrong into one plain line and exit code 1."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except ChainBroken as broken:
        mark_broken(broken.chain, broken.problem)
        way_out = f"Nothing was done. See manage.py recover_audit --chain {broken.chain}."
        raise CommandError(f"{broken} {way_out}") from None
