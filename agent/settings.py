"""Every setting there is, read once, at the start, into one frozen object."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import SettingsError

OFFERED = (
    "en,es,fr,de,pt,it,ca,gl,ro,nl,sv,da,nb,fi,pl,cs,hu,el,bg,sr,hr,uk,ru,tr,ar,fa,he,hi,bn,ur,zh,zh-Hant,ja,ko,vi,id"
)
"""What a model of hundreds of languages offers where nobody says which."""


class Settings(BaseSettings):
    """The environment, as typed values. `docs/settings.md` lists them; a test keeps the two together."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="DRAGOMAN_", populate_by_name=True)

    livekit_url: str = Field("ws://127.0.0.1:7880", validation_alias="LIVEKIT_URL")
    """Where the LiveKit server answers, for us; ws:// or wss://."""
    livekit_public_url: str | None = None
    """Where browsers find it, if elsewhere."""
    livekit_api_key: str = Field("", validation_alias="LIVEKIT_API_KEY")
    livekit_api_secret: SecretStr = Field(SecretStr(""), validation_alias="LIVEKIT_API_SECRET")
    database_url: SecretStr = Field(SecretStr(""), validation_alias="DATABASE_URL")
    """postgresql://… of the tables' owner; only the web server needs it."""
    root_key: str = "file:var/keys/root.key"
    """Who holds the key over all keys of what is kept: `file:PATH`, `transit:http(s)://HOST:PORT/MOUNT/keys/NAME` or
    `awskms:ARN`; several, comma-separated, while keys move from one to another: the first wraps, all unwrap."""
    vault_url: SecretStr = SecretStr("")
    """The same database under a login that is a member of this process's role in the vault, and of no other."""
    spool: Path = Path("var/spool")
    """The folder in which what is kept waits, sealed, until the database has it; only the agent needs it."""
    spool_sync: Literal["before", "after"] = "before"
    """Whether a final waits for its fsync before it is shown, or the fsync follows within a tenth of a second."""
    tenant: str = Field("default", min_length=1, max_length=200)
    """Whose what is kept is, where several share a database."""
    ledger: Path = Path("var/ledger")
    """The folder of what was destroyed and is held, outside the database and not in its backups."""
    anchors: Path = Path("var/anchors")
    """The folder in which the vault's log is anchored: signed lines that say where it stood."""
    key_backup_days: int = Field(7, ge=0, le=3650)
    """How many days backups of the database's keys are kept; receipts say until when one could hold a usable key."""
    host_secret: SecretStr = SecretStr("")
    """Who holds it may make rooms; only the web server needs it."""

    engines: str = "unix:var/engines.sock"
    """Addresses of engine services, comma-separated: `unix:PATH` or `http://HOST:PORT`."""
    web: str = "http://127.0.0.1:8080"
    """Where the agent reports its heartbeat, and what links are made of."""
    web_host: str = "127.0.0.1"
    web_port: int = Field(8080, ge=1, le=65535)
    agent_port: int = Field(8081, ge=1, le=65535)
    """The worker's own health port, on loopback."""
    agent_name: str = "interpreter"

    recognise: str = "auto"
    translate: str = "auto"
    speak: str = "auto"
    direct: str = "auto"
    """Which engine serves a stage; `auto` takes the best one on this machine."""
    models: Path = Path("var/models")
    """The folder in which models are kept, each in one of its own, and which licences were accepted."""
    whisper_model: Path = Path("var/models/whisper-base")
    """A folder with a CTranslate2 Whisper model."""
    nllb_model: Path = Path("var/models/nllb-200")
    """A folder with NLLB-200 for CTranslate2 and its tokenizer.json."""
    nllb_languages: str = OFFERED
    """Which of its two hundred languages are offered, comma-separated."""
    madlad_model: Path = Path("var/models/madlad-400")
    """A folder with MADLAD-400 for CTranslate2 and its spiece.model."""
    madlad_languages: str = OFFERED
    """Which of its four hundred languages are offered, comma-separated."""
    opus_models: Path = Path("var/models/opus-mt")
    """A folder with a folder for each Opus-MT model for CTranslate2, named as the model is: `opus-mt-en-de`."""
    firefox_models: Path = Path("var/models/firefox")
    """A folder with a folder for each model of Firefox Translations, named by its languages: `en-de`."""
    licences: str = ""
    """Models whose non-commercial licence is accepted, by name, comma-separated: `nllb-200`, `xtts-v2`."""
    piper_voices: str = ""
    """`TAG=PATH.onnx`, comma-separated; the config is beside each file, and a language may have several."""
    coqui_models: str = "var/models/xtts-v2"
    """Folders with VITS or XTTS v2 models of Coqui's, the best first, comma-separated; `TAG=FOLDER` says a language."""
    coqui_engines: int = Field(1, ge=1, le=64)
    """How many times each of them is loaded: as many texts are spoken at once."""
    livekit_stt: str = ""
    """LiveKit STT plugins, `LANGUAGES=PLUGIN?OPTIONS` each, separated by spaces."""
    livekit_tts: str = ""
    """LiveKit TTS plugins, likewise."""
    threads: int = Field(2, ge=1)
    """CPU threads of the engine service."""
    languages_limit: int = Field(12, ge=1, le=64)
    """How many languages may be wanted at once in one room."""
    rooms_limit: int = Field(10, ge=1)
    """How many rooms one worker takes at once."""
    always: str = ""
    """Languages to caption even while nobody asks, comma-separated."""
    room_limit: int = Field(50, ge=1, le=1000)
    """How many people may be in one room at once."""
    joins_per_minute: int = Field(120, ge=1)
    """How often one address may join or make rooms; beyond that it is asked to wait."""
    proxies: str = ""
    """Addresses of our own reverse proxies, comma-separated; only their X-Forwarded-For is believed."""
    migrate: bool = True
    """The web server brings the database's tables up to date at its start."""
    pages: Path = Path("web/client/dist")
    """The folder with the built pages."""
    log_level: str = "INFO"

    @property
    def vault(self) -> SecretStr:
        """Where the vault is; empty where this process has no way to it."""
        return self.vault_url if self.vault_url.get_secret_value() else self.database_url

    @property
    def worker(self) -> str:
        """Where the agent worker tells how it is, on this machine."""
        return f"http://127.0.0.1:{self.agent_port}"


def read(*needed: str) -> Settings:
    """The settings of this process.

    `needed` are fields that this process cannot do without. Raises `SettingsError`
    (`bad_settings`) whose one sentence names everything that is missing or bad.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = [f"{_variable(str(e['loc'][0]))}: {e['msg']}" for e in error.errors()]
        raise SettingsError("bad_settings", "; ".join(wrong)) from None
    if missing := [_variable(name) for name in needed if not _given(settings, name)]:
        raise SettingsError("bad_settings", f"missing: {', '.join(missing)}")
    return settings


def _given(settings: Settings, name: str) -> bool:
    value = getattr(settings, name)
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _variable(name: str) -> str:
    """The environment variable behind a field (an alias arrives as it is)."""
    field = Settings.model_fields.get(name)
    if field is None:
        return name
    return str(field.validation_alias) if isinstance(field.validation_alias, str) else f"DRAGOMAN_{name.upper()}"
