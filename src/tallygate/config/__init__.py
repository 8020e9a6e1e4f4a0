"""What is set from outside.

Owns: every setting with its name, its default and what it may be, where settings are read from
(the environment, and a file `.env` in the working directory), and which of them the workflows get.

Does not own: what follows from a setting: `app.py` chooses by it, and workflows go by it.

Laws: a variable that is empty counts as not set; a wrong value is refused at the start, with the
name of the variable and without the value; secrets are masked wherever a setting is printed; an
empty secret, or a placeholder out of an example, is refused: somebody meant to set one.
"""

from tallygate.config.settings import DEFAULT_PORT, PREFIX, Config, load_config

__all__ = ["DEFAULT_PORT", "PREFIX", "Config", "load_config"]
