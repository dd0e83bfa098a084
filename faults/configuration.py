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


class SpoolUnusable(ConfigurationFault):
    """The folder that the switch records into cannot be seen, read or written by us."""

    id = "config.spool"
    recording = "Calls go on; nothing new is recorded until the folder can be used."
    remedy = "Run `phonograph check` on the host of the switch and mend the line that fails."
