"""Broken copies of deploy/managed-instances.yaml. Each names the check that has to find it, so that every check can
fail."""

from mutation import REMOVED, replaced

P = "Properties"


def resource(name, *rest):
    return ("Resources", name, P, *rest)


# The check, the path of a value, and its replacement.
MUTATIONS = [
    ("resources", ("Resources", "AuthorizerPermission"), REMOVED),
    ("resources", ("Resources", "Second"), {"Type": "AWS::Lambda::CapacityProvider", P: {}}),
    ("instances", resource("Instances", "VpcConfig", "SubnetIds"), {"Ref": "SecurityGroupIds"}),
    ("instances", resource("Instances", "VpcConfig", "SecurityGroupIds"), []),
    ("instances", resource("Instances", "InstanceRequirements", "Architectures", 0), "arm64"),
    ("instances", resource("Instances", "InstanceRequirements"), REMOVED),
    ("instances", resource("Instances", "CapacityProviderScalingConfig", "MaxVCpuCount"), REMOVED),
    ("instances", resource("Instances", "CapacityProviderScalingConfig", "ScalingMode"), "Auto"),
    ("instances", resource("Instances", "CapacityProviderScalingConfig", "ScalingPolicies", 0, "TargetValue"), 90),
    ("instances", resource("Instances", "PermissionsConfig", "CapacityProviderOperatorRoleArn"), {"Fn::GetAtt": ["AuthorizerRole", "Arn"]}),
    ("function", resource("AuthorizerFunction", "CapacityProviderConfig", "Arn"), {"Ref": "Architecture"}),
    ("function", resource("AuthorizerFunction", "CapacityProviderConfig", "PerExecutionEnvironmentMaxConcurrency"), REMOVED),
    ("function", resource("AuthorizerFunction", "CapacityProviderConfig", "ExecutionEnvironmentMemoryGiBPerVCpu"), 8),
    ("function", resource("AuthorizerFunction", "Timeout"), 900),
    ("function", resource("AuthorizerFunction", "Architectures", 0), "arm64"),
    ("function", resource("AuthorizerFunction", "MemorySize"), 256),
    ("function", resource("AuthorizerFunction", "LoggingConfig", "LogFormat"), "Text"),
    ("function", resource("AuthorizerFunction", "LoggingConfig", "ApplicationLogLevel"), "INFO"),
    ("function", resource("AuthorizerFunction", "Environment", "Variables", "KEYS_SECRET"), REMOVED),
    ("function", resource("AuthorizerFunction", "Environment", "Variables", "REVOCATION_SECRET", "Fn::If", 1), {"Ref": "KeysSecretArn"}),
    ("function", resource("AuthorizerFunction", "ReservedConcurrentExecutions"), 10),
    ("function", resource("AuthorizerFunction", "Role"), {"Fn::GetAtt": ["OperatorRole", "Arn"]}),
    ("version", resource("AuthorizerFunction", "FunctionScalingConfig"), REMOVED),
    ("version", resource("AuthorizerFunction", "FunctionScalingConfig", "MinExecutionEnvironments"), 0),
    ("version", resource("AuthorizerFunction", "AutoPublishAlias"), "latest"),
    ("version", resource("Authorizer", "AuthorizerFunctionArn"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("permission", resource("AuthorizerPermission", "Principal"), "*"),
    ("permission", resource("AuthorizerPermission", "SourceArn"), REMOVED),
    ("permission", resource("AuthorizerPermission", "SourceAccount"), REMOVED),
    ("permission", resource("AuthorizerPermission", "FunctionName"), {"Ref": "AuthorizerFunction"}),
    ("authorizer", resource("Authorizer", "Status"), "ACTIVE"),
    ("authorizer", resource("Authorizer", "TokenKeyName"), REMOVED),
    ("authorizer", resource("Authorizer", "AuthorizerName"), REMOVED),
    ("authorizer", resource("Authorizer", "EnableCachingForHttp"), True),
    ("role", resource("AuthorizerRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Action"), "logs:*"),
    ("role", resource("AuthorizerRole", "Policies", 1, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Resource"), "*"),
    ("role", resource("AuthorizerRole", "Policies", 2), REMOVED),
    ("role", resource("AuthorizerRole", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"]),
    ("operator", resource("OperatorRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), REMOVED),
    ("operator", resource("OperatorRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"AWS": "*"}),
    ("operator", resource("OperatorRole", "ManagedPolicyArns", 0), "arn:aws:iam::aws:policy/AmazonEC2FullAccess"),
    ("stars", resource("AuthorizerRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource"), "*"),
    ("logs", ("Resources", "AuthorizerLogs", "DeletionPolicy"), "Delete"),
    ("logs", resource("AuthorizerLogs", "RetentionInDays"), 1),
    ("alarms", resource("ThrottlesAlarm", "MetricName"), "Errors"),
    ("alarms", resource("ThrottlesAlarm", "AlarmActions"), REMOVED),
    ("alarms", resource("ErrorsAlarm", "OKActions"), REMOVED),
    ("alarms", resource("ErrorsAlarm", "Dimensions", 1), REMOVED),
    ("alarms", resource("ErrorsAlarm", "Threshold"), 100),
    ("alarms", resource("ErrorsAlarm", "TreatMissingData"), "breaching"),
    ("alarms", resource("ThrottlesAlarm", "AlarmDescription", "Fn::Sub"), replaced("#throttles", "#no-such-heading")),
    ("outputs", ("Outputs", "CapacityProviderArn"), REMOVED),
    ("outputs", ("Outputs", "AliasArn", "Value"), {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}),
    ("same_names", ("Parameters", "LogRetentionDays", "Default"), 1),
    ("same_names", ("Parameters", "KeysSecretArn", "AllowedPattern"), ".*"),
]
