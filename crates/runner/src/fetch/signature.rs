//! Requests to AWS, signed by version 4 of its signature.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Key;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serin_model::{AwsKey, Credentials, Secret, Store};
use serin_sources::Source;

use super::secret::Secrets;
use crate::error::RunError;
use crate::moment::now;

/// Signs requests to one service of AWS in one region.
#[derive(Debug)]
pub(crate) struct Signer {
    service: &'static str,
    region: String,
    id: SecretString,
    secret: SecretString,
    session_token: Option<SecretString>,
}

impl Signer {
    /// Reads the key, where the store is one of AWS.
    ///
    /// # Errors
    ///
    /// [`RunError`] when the key cannot be read, or nobody says the region.
    pub(crate) fn of(
        store: &Store,
        source: &dyn Source,
        folder: &Path,
        secrets: &mut Secrets,
    ) -> Result<Option<Self>, RunError> {
        let Some(service) = source.signed_for() else { return Ok(None) };
        let nothing = AwsKey::default();
        let aws = match &store.credentials {
            Credentials::Aws(aws) => aws,
            _ => &nothing,
        };
        let usual = |name: &str| Secret::Environment(name.to_owned());
        let (id, secret) = match &aws.key {
            Some(key) => key.clone(),
            None => (usual("AWS_ACCESS_KEY_ID"), usual("AWS_SECRET_ACCESS_KEY")),
        };
        let token = match &aws.session_token {
            // A key that is written does not belong to the session of the environment.
            None if aws.key.is_none() && std::env::var_os(SESSION_TOKEN).is_some() => {
                Some(usual(SESSION_TOKEN))
            }
            written => written.clone(),
        };
        let region = aws.region.clone().or_else(|| region_of(&store.url)).or_else(|| {
            let said = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
            said.filter_map(|name| std::env::var(name).ok()).find(|region| !region.is_empty())
        });
        let region = region.ok_or_else(|| RunError::Connection {
            url: store.url.clone(),
            problem:
                "the region of AWS is in no `aws: {region: eu-west-1}`, and not in the address"
                    .to_owned(),
        })?;
        Ok(Some(Self {
            service,
            region,
            id: secrets.read(&id, folder)?,
            secret: secrets.read(&secret, folder)?,
            session_token: token.map(|token| secrets.read(&token, folder)).transpose()?,
        }))
    }

    /// Signs a request as it is.
    ///
    /// # Errors
    ///
    /// What the library says.
    pub(crate) fn sign(&self, request: &mut Request) -> Result<(), String> {
        self.sign_at(request, unix_time())
    }

    fn sign_at(&self, request: &mut Request, time: SystemTime) -> Result<(), String> {
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let (id, secret) = (self.id.expose_secret(), self.secret.expose_secret());
        let identity = Key::new(id, secret, token, None, "serin").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers: Option<Vec<(&str, &str)>> = request
            .headers()
            .iter()
            .map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let headers = headers.ok_or("a header is no text")?;
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let signable =
            SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body))
                .map_err(|error| error.to_string())?;
        let signed = sign(signable, &parameters).map_err(|error| error.to_string())?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.headers() {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
            let mut value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

fn unix_time() -> SystemTime {
    let millis = u64::try_from(now().as_millis()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Returns the region in an address of AWS's own, such as `monitoring.eu-west-1.amazonaws.com`.
fn region_of(url: &str) -> Option<String> {
    let host = reqwest::Url::parse(url).ok()?.host_str()?.to_owned();
    let names: Vec<&str> = host.split('.').collect();
    let at = names.iter().position(|name| *name == "amazonaws" || *name == "api")?;
    let region = names.get(at.checked_sub(1)?)?;
    (at >= 2).then(|| (*region).to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use reqwest::{Client, Method, Request};
    use secrecy::SecretString;

    use super::{Signer, region_of};

    fn signer(session_token: Option<&str>) -> Signer {
        Signer {
            service: "service",
            region: "us-east-1".to_owned(),
            id: SecretString::from("AKIDEXAMPLE"),
            secret: SecretString::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: session_token.map(SecretString::from),
        }
    }

    fn signed(mut request: Request, session_token: Option<&str>) -> String {
        // 2015-08-30T12:36:00Z
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        signer(session_token).sign_at(&mut request, time).unwrap();
        let names = ["x-amz-date", "x-amz-security-token", "authorization"];
        let headers = request.headers();
        let values = names.iter().filter_map(|name| headers.get(*name)?.to_str().ok());
        values.collect::<Vec<_>>().join("\n")
    }

    /// `get-vanilla` and `get-vanilla-query-order-key-case` of AWS's suite of test cases for the
    /// signature.
    #[test]
    fn signatures_are_those_of_the_suite() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let get = |path: &str| {
            let url = format!("https://example.amazonaws.com/{path}");
            Client::new().request(Method::GET, url).build().unwrap()
        };
        let signature = |text: &str| text.rsplit("Signature=").next().unwrap().to_owned();
        assert_eq!(
            signature(&signed(get(""), None)),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert_eq!(
            signature(&signed(get("?Param2=value2&Param1=value1"), None)),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        let with_token = signed(get(""), Some("session"));
        assert!(with_token.contains("\nsession\n"), "{with_token}");
        assert!(with_token.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"));
    }

    #[test]
    fn the_region_is_in_the_address() {
        for (url, region) in [
            ("https://monitoring.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://monitoring.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1", Some("us-east-2")),
            ("https://monitoring-fips.us-gov-west-1.api.aws/", Some("us-gov-west-1")),
            ("http://127.0.0.1:5055", None),
            ("https://amazonaws.com", None),
        ] {
            assert_eq!(region_of(url).as_deref(), region, "{url}");
        }
    }
}
