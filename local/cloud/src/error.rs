//! The errors of the API, as AWS IoT names them.
//! <https://docs.aws.amazon.com/iot/latest/apireference/CommonErrors.html>

/// An error of an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct ApiError {
    /// Which error.
    pub kind: ErrorKind,
    /// The text for the caller. It holds no secret.
    pub message: String,
    /// The id and the ARN of the resource that exists already.
    pub existing: Option<(String, String)>,
    /// What the operator should know and the caller should not, for the event log. It holds no secret.
    pub note: Option<String>,
}

/// The errors, with AWS's names and statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// 400: a member is missing, unknown where AWS refuses it, or has an invalid value.
    InvalidRequest,
    /// 400: the policy document is not a policy.
    MalformedPolicy,
    /// 400: the certificate is unreadable, or does not fit its CA.
    CertificateValidation,
    /// 400: the verification certificate does not have the registration code.
    RegistrationCodeValidation,
    /// 400: the template and its parameters do not fit what is registered.
    ResourceRegistrationFailure,
    /// 400: the function of an authorizer fails, or its response is unusable.
    InvalidResponse,
    /// 400: the statement of a rule is not SQL, or uses what this gateway does not support.
    SqlParse,
    /// 400: the call was throttled.
    Throttling,
    /// 400: a member of a call of Cognito is missing or has an invalid value.
    InvalidParameter,
    /// 400: Cognito denies the login.
    NotAuthorized,
    /// 400: Cognito does not know the identity pool or the identity.
    UnknownIdentity,
    /// 400: the role of the identity pool does not trust it.
    InvalidPoolConfiguration,
    /// 400: a member of a call of STS is missing or has an invalid value.
    Validation,
    /// 400: the token of AssumeRoleWithWebIdentity is not one of this gateway.
    InvalidIdentityToken,
    /// 400: the token of AssumeRoleWithWebIdentity is expired.
    ExpiredIdentityToken,
    /// 400: the signature has not the form of Signature Version 4.
    IncompleteSignature,
    /// 401: the caller may not call this.
    Unauthorized,
    /// 403: the request is not signed.
    MissingAuthenticationToken,
    /// 403: the signature or its scope is wrong.
    SignatureDoesNotMatch,
    /// 403: the session token is not that of the access key.
    UnrecognizedClient,
    /// 403: the credentials are expired.
    ExpiredToken,
    /// 403: the caller's role does not allow the operation.
    AccessDenied,
    /// 403: the request comes from a page of another origin, or a request of the data plane is denied.
    Forbidden,
    /// 404: the resource does not exist.
    ResourceNotFound,
    /// 406: the certificate's status does not allow this.
    CertificateState,
    /// 409: a resource of this name exists, with another content.
    ResourceAlreadyExists,
    /// 409: something is still attached.
    DeleteConflict,
    /// 409: the version is not the expected one.
    VersionConflict,
    /// 409: all versions are in use.
    VersionsLimitExceeded,
    /// 409: the CA is ambiguous.
    CertificateConflict,
    /// 409: the resource is being changed.
    ConflictingResourceUpdate,
    /// 410: a limit of AWS IoT.
    LimitExceeded,
    /// 413: the body is too large.
    RequestTooLarge,
    /// 421: the Host is not this machine.
    MisdirectedRequest,
    /// 500: the change could not be stored.
    InternalFailure,
    /// 501: the operation is not implemented here.
    NotImplemented,
}

impl ApiError {
    /// Creates an error.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), existing: None, note: None }
    }

    /// Adds what the operator should know.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The most frequent one: 400.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// 404. `what` names the resource, such as `policy sensor`.
    #[must_use]
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::ResourceNotFound, format!("{what} does not exist"))
    }
}

impl ErrorKind {
    /// Returns AWS's name, the value of `x-amzn-ErrorType`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequestException",
            Self::MalformedPolicy => "MalformedPolicyException",
            Self::CertificateValidation => "CertificateValidationException",
            Self::RegistrationCodeValidation => "RegistrationCodeValidationException",
            Self::ResourceRegistrationFailure => "ResourceRegistrationFailureException",
            Self::InvalidResponse => "InvalidResponseException",
            Self::SqlParse => "SqlParseException",
            Self::Throttling => "ThrottlingException",
            Self::InvalidParameter => "InvalidParameterException",
            Self::NotAuthorized => "NotAuthorizedException",
            Self::UnknownIdentity => "ResourceNotFoundException",
            Self::InvalidPoolConfiguration => "InvalidIdentityPoolConfigurationException",
            Self::Validation => "ValidationException",
            Self::InvalidIdentityToken => "InvalidIdentityTokenException",
            Self::ExpiredIdentityToken => "ExpiredTokenException",
            Self::Unauthorized => "UnauthorizedException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::SignatureDoesNotMatch => "InvalidSignatureException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::AccessDenied => "AccessDeniedException",
            Self::Forbidden => "ForbiddenException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::CertificateState => "CertificateStateException",
            Self::ResourceAlreadyExists => "ResourceAlreadyExistsException",
            Self::DeleteConflict => "DeleteConflictException",
            Self::VersionConflict => "VersionConflictException",
            Self::VersionsLimitExceeded => "VersionsLimitExceededException",
            Self::CertificateConflict => "CertificateConflictException",
            Self::ConflictingResourceUpdate => "ConflictingResourceUpdateException",
            Self::LimitExceeded => "LimitExceededException",
            Self::RequestTooLarge => "RequestEntityTooLargeException",
            Self::MisdirectedRequest => "MisdirectedRequestException",
            Self::InternalFailure => "InternalFailureException",
            Self::NotImplemented => "NotImplementedException",
        }
    }

    /// Returns the code in XML answers. STS has its own for a wrong signature and an unknown token.
    pub(crate) fn query_code(self) -> &'static str {
        match self {
            Self::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Self::Validation => "ValidationError",
            Self::ExpiredIdentityToken => "ExpiredTokenException",
            Self::UnrecognizedClient => "InvalidClientTokenId",
            _ => self.name().trim_end_matches("Exception"),
        }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::MalformedPolicy
            | Self::CertificateValidation
            | Self::RegistrationCodeValidation
            | Self::ResourceRegistrationFailure
            | Self::InvalidResponse
            | Self::SqlParse
            | Self::Throttling
            | Self::InvalidParameter
            | Self::NotAuthorized
            | Self::UnknownIdentity
            | Self::InvalidPoolConfiguration
            | Self::Validation
            | Self::InvalidIdentityToken
            | Self::ExpiredIdentityToken
            | Self::IncompleteSignature => 400,
            Self::Unauthorized => 401,
            Self::MissingAuthenticationToken
            | Self::SignatureDoesNotMatch
            | Self::UnrecognizedClient
            | Self::ExpiredToken
            | Self::AccessDenied
            | Self::Forbidden => 403,
            Self::ResourceNotFound => 404,
            Self::CertificateState => 406,
            Self::ResourceAlreadyExists
            | Self::DeleteConflict
            | Self::VersionConflict
            | Self::VersionsLimitExceeded
            | Self::CertificateConflict
            | Self::ConflictingResourceUpdate => 409,
            Self::LimitExceeded => 410,
            Self::RequestTooLarge => 413,
            Self::MisdirectedRequest => 421,
            Self::InternalFailure => 500,
            Self::NotImplemented => 501,
        }
    }
}
