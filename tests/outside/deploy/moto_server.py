"""moto's server, whose functions of Lambda keep the members that moto 5.2 drops. Without them Terraform would change
each function at each apply.

Arguments: those of `moto_server`.
"""

from moto.awslambda.models import LambdaFunction
from moto.server import main

KEPT = ("LoggingConfig", "DeadLetterConfig")


class Keeping:
    """The methods of a function, with the kept members."""

    create, configuration, update = LambdaFunction.__init__, LambdaFunction.get_configuration, LambdaFunction.update_configuration

    def __init__(self, account_id, spec, *arguments, **named):
        Keeping.create(self, account_id, spec, *arguments, **named)
        self.kept = {name: spec[name] for name in KEPT if name in spec}

    def get_configuration(self, *arguments, **named):
        return Keeping.configuration(self, *arguments, **named) | self.kept

    def update_configuration(self, config_updates):
        self.kept = self.kept | {name: config_updates[name] for name in KEPT if name in config_updates}
        return Keeping.update(self, config_updates)


for name in ("__init__", "get_configuration", "update_configuration"):
    setattr(LambdaFunction, name, Keeping.__dict__[name])
main()
