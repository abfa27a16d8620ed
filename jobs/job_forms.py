"""The forms that confirm a click, one class for each kind; what is entered becomes what the job is about."""

import unicodedata
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict

from jobs import snapshot_names
from jobs.kinds import SNAPSHOT_CREATE, JobKind
from jobs.models import Job
from jobs.os_templates import OsTemplate
from jobs.services import About, FollowUp
from servers.models import Server, Snapshot
from teams.fields import IdField

UNTOUCHED = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What a form stands on: the server, what was read of it, and the job that is done again, if one is.

    `snapshot` is the one it is about, `snapshots` are all that Leaseweb lists, `params` those of the job before.
    """

    server: Server
    again: Job | None = None
    params: dict[str, Any] | None = None
    snapshot: Snapshot | None = None
    snapshots: tuple[Snapshot, ...] = ()
    templates: tuple[OsTemplate, ...] = ()

    @property
    def taken(self) -> frozenset[str]:
        return frozenset(snapshot.name for snapshot in self.snapshots)


class JobForm(forms.Form):
    """The confirmation of a click. The token is made with the form, so pressing twice is one job (G4)."""

    needs_snapshot: ClassVar[bool] = False

    client_token = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={"required": "This form was incomplete.", "invalid": "This form was incomplete."},
    )
    again = IdField()

    def __init__(
        self, data: QueryDict | dict[str, Any] | None = None, *, ground: Ground, **more: Any
    ) -> None:
        self.ground = ground
        super().__init__(data, **more)

    @classmethod
    def fresh(cls, ground: Ground) -> "JobForm":
        again = ground.again.pk if ground.again else None
        return cls(
            ground=ground, initial={"client_token": uuid.uuid4(), "again": again, **cls.suggested(ground)}
        )

    @classmethod
    def suggested(cls, ground: Ground) -> dict[str, Any]:
        """What the form holds when it is opened."""
        return {}

    def renewed(self) -> "JobForm":
        """The same form with all that was entered and a token that was not used yet, checked once more."""
        again = self.ground.again.pk if self.ground.again else ""
        entered = {name: self.data.get(name, "") for name in self.fields if name in self.data}
        return type(self)({**entered, "client_token": uuid.uuid4(), "again": again}, ground=self.ground)

    def params(self) -> dict[str, Any]:
        return {}

    def wants(self, kind: JobKind) -> tuple[JobKind, About]:
        """The kind of job that comes of it, and what it is about."""
        return kind, About(self.params(), again_of=self.ground.again)


class NamedForm(JobForm):
    """Whoever destroys something types the server's name (R2)."""

    typed = forms.CharField(
        label="Type the server's name to go on",
        max_length=300,
        widget=forms.TextInput(attrs={**UNTOUCHED, "data-anew": True}),
        error_messages={"required": "Type the server's name. Nothing was sent."},
    )

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if _plain(typed) != _plain(to_type(self.ground.server)):
            raise forms.ValidationError("That is not the name of this server. Nothing was sent.")
        return typed


def to_type(server: Server) -> str:
    """What has to be typed: the name, or the id of a server whose name has nothing visible."""
    return server.shown_name if _plain(server.shown_name) else server.upstream_id


def _plain(text: str) -> str:
    """Without what nobody sees or can type: case, kinds of spaces, control characters, marks that steer writing."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    visible = "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFKC", " ".join(visible.split())).casefold()


class ReinstallForm(NamedForm):
    os_template_id = forms.ChoiceField(
        label="System to install",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the system to install.",
            "invalid_choice": "Leaseweb's list for this server does not hold that system any more. Choose again.",
        },
    )
    field_order = ("os_template_id", "typed")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        choices = [(each.id, each.name) for each in self.ground.templates]
        self.fields["os_template_id"].choices = choices  # type: ignore[attr-defined]

    @classmethod
    def suggested(cls, ground: Ground) -> dict[str, Any]:
        """Nothing is chosen beforehand, except what a person chose for the job that is done again."""
        return {"os_template_id": (ground.params or {}).get("os_template_id")}

    def params(self) -> dict[str, Any]:
        chosen = self.cleaned_data["os_template_id"]
        name = next(each.name for each in self.ground.templates if each.id == chosen)
        return {"os_template_id": chosen, "os_template_name": name}


class SnapshotNameField(forms.CharField):
    """Checked against Leaseweb's rule by the form, which knows the names that are taken."""

    def __init__(self, **more: Any) -> None:
        attrs = {**UNTOUCHED, "maxlength": snapshot_names.LONGEST}
        missing = {"required": snapshot_names.complaint("", frozenset())}
        super().__init__(widget=forms.TextInput(attrs=attrs), error_messages=missing, **more)

    def to_python(self, value: object) -> str:
        return " ".join(str(super().to_python(value) or "").split())


class SnapshotCreateForm(JobForm):
    name = SnapshotNameField(label="Name of the snapshot", help_text=snapshot_names.RULE)

    @classmethod
    def suggested(cls, ground: Ground) -> dict[str, Any]:
        return {"name": snapshot_names.suggested(str((ground.params or {}).get("name", "")))}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if complaint := snapshot_names.complaint(name, self.ground.taken):
            raise forms.ValidationError(complaint)
        return name

    def params(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"]}


class OfSnapshotForm(NamedForm):
    needs_snapshot = True

    snapshot = IdField()

    @classmethod
    def suggested(cls, ground: Ground) -> dict[str, Any]:
        return {"snapshot": ground.snapshot.pk if ground.snapshot else None}

    def params(self) -> dict[str, Any]:
        snapshot = self.ground.snapshot
        return {"snapshot_id": snapshot.upstream_id, "snapshot_name": snapshot.name} if snapshot else {}


class SnapshotRestoreForm(OfSnapshotForm):
    """With a snapshot first, that is the job which is asked for, and the restore follows only if it succeeds."""

    snapshot_first = forms.BooleanField(
        label="Take a snapshot of how the server is now first",
        help_text="Restoring then starts by itself once that snapshot is ready, and not at all if it fails. Until then "
        "it can be called off.",
        required=False,
    )
    name = SnapshotNameField(label="Name of that snapshot", help_text=snapshot_names.RULE)
    field_order = ("snapshot_first", "name", "typed")

    @classmethod
    def suggested(cls, ground: Ground) -> dict[str, Any]:
        first = bool(ground.again and ground.again.follow_up)
        name = snapshot_names.suggested("Before restore")
        return {**super().suggested(ground), "name": name, "snapshot_first": first}

    def clean(self) -> dict[str, Any]:
        """The name matters only for a snapshot that is to be taken."""
        complaint = snapshot_names.complaint(self.cleaned_data.get("name", ""), self.ground.taken)
        self.errors.pop("name", None)
        if complaint and self.cleaned_data.get("snapshot_first"):
            self.add_error("name", complaint)
        return self.cleaned_data

    def wants(self, kind: JobKind) -> tuple[JobKind, About]:
        if not self.cleaned_data["snapshot_first"]:
            return super().wants(kind)
        then = FollowUp(kind.name, self.params())
        about = About({"name": self.cleaned_data["name"]}, again_of=self.ground.again, follow_up=then)
        return SNAPSHOT_CREATE, about


FORMS: dict[str, type[JobForm]] = {
    "reinstall": ReinstallForm,
    "snapshot_create": SnapshotCreateForm,
    "snapshot_restore": SnapshotRestoreForm,
    "snapshot_delete": OfSnapshotForm,
}


def form_for(kind: JobKind) -> type[JobForm]:
    """The form of a kind; the power kinds ask for nothing but the click."""
    return FORMS.get(kind.name, JobForm)
