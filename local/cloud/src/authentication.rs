//! Who signed a request.

use crate::cloud::Cloud;
use crate::credentials::Caller;
use crate::sigv4::{Expected, Signature, SignatureDenial, SignedRequest, is_normal_path};

impl Cloud {
    /// Verifies the signature of a request with the keys that this gateway knows, for its Region and one of the
    /// services. Returns who signed it.
    ///
    /// # Errors
    /// Why the request is denied.
    pub fn authenticate(
        &self,
        request: &SignedRequest<'_>,
        services: &[&str],
    ) -> Result<Caller, SignatureDenial> {
        let missing = SignatureDenial::Malformed("missing signature");
        let signature = Signature::read(request)?.ok_or(missing)?;
        let known = self.credentials().find(signature.access_key());
        let (region, now) = (self.account().region(), self.credentials().now());
        let expected = Expected { region, services, now };
        signature.verify(request, known.as_ref().map(|known| &known.key), &expected)?;
        if !is_normal_path(request.path) {
            return Err(SignatureDenial::AmbiguousPath);
        }
        known.map(|known| known.caller).ok_or(SignatureDenial::UnknownKey(signature.access_key().to_owned()))
    }
}
