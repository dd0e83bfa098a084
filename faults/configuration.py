"""What an administrator wrote, or the machine they gave us."""

from __future__ import annotations

from faults.base import Blame, Fault


class ConfigurationFault(Fault):
    """What an administrator wrote, or the machine they gave us."""

    id = "config"
    blame = Blame.ADMINISTRATOR
    recording = "Not touched: the configuration that was running keeps running."
    remedy = "Correct the named line and load the configuration again."


class SettingsInvalid(ConfigurationFault):
    """The settings file has an unknown key, a wrong value, or does not parse."""

    id = "config.settings"


class PolicyInvalid(ConfigurationFault):
    """The policy file has an unknown key, a wrong value, a duplicate, or does not parse."""

    id = "config.policy"


class NameTemplateInvalid(ConfigurationFault):
    """``fileformat`` names a field that does not exist, or would leave the folder."""

    id = "config.name-template"


class EncryptionUnusable(ConfigurationFault):
    """Files cannot be encrypted: no gpg, no key, or a key that is expired, revoked, private, or one of several."""

    id = "config.encryption"
    recording = "The service does not start, so that nothing is stored unencrypted."
    remedy = "Put one usable public key into the file that `encryption_key` names."


class StepUnusable(ConfigurationFault):
    """A step of the settings is not installed, cannot be imported, or refuses its options."""

    id = "config.step"
    recording = "The service does not start, so that no recording goes without that step."
    remedy = "Install the package that has the step, mend its options, or take it out of `steps`."


class SpoolUnusable(ConfigurationFault):
    """The folder that the switch records into cannot be seen, read or written by us."""

    id = "config.spool"
    recording = "Calls go on; nothing new is recorded until the folder can be used."
    remedy = "Run `phonograph check` on the host of the switch and mend the line that fails."
