//! The device authorization grant (RFC 8628): asks for a code, shows the code, polls.

use std::time::{Duration, SystemTime};

use crate::lifecycle::login::{Approved, Attempt};
use crate::model::duration::rfc3339;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Issuer;
use crate::oauth::device::{DeviceAuthorization, DeviceAuthorizationRequest};
use crate::oauth::device_polling::{Poll, PollResult};
use crate::oauth::metadata::FoundEndpoints;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError};
use crate::prompt::{Verification, Wait, WaitReason};
use crate::system::clock::Stopwatch;
use crate::system::http::error::HttpError;

impl Attempt<'_> {
    /// Asks for a device code.
    pub(super) fn request_device_code(&self, endpoints: &FoundEndpoints) -> Result<DeviceAuthorization> {
        let (config, request) = (&self.app.config, self.request);
        let authorization = DeviceAuthorizationRequest {
            scopes: self.scopes,
            scope_parameter: &config.quirks.scope_parameter,
            with_secret: config.quirks.secret_at_device_authorization,
            resource: config.resource.as_ref(),
            acr_values: request.acr_values.as_deref(),
            max_age: request.max_age,
            pkce: config.quirks.pkce,
            pkce_methods: &endpoints.code_challenge_methods,
            further: request.further_parameters(config, self.org.as_ref()),
        };
        let url = endpoints.device_authorization.as_ref().map_err(Clone::clone)?;
        authorization.send(self.http, url, self.client, &request.cancel)
    }

    /// Shows the code and polls until the person has answered, the code has run out, or the caller cancels.
    pub(super) fn wait_for_approval(&self, device: &DeviceAuthorization) -> Result<Approved> {
        let config = &self.app.config;
        let clock = &*config.clock;
        // The code's age: not by the wall clock, which may be set while the person is typing.
        let (begun, mut poll) = (Stopwatch::start(clock), Poll::new(device.interval, device.expires_in));
        self.request.prompt.show(&self.verification(device)).map_err(|error| self.cannot_show(error))?;
        let url = &self.destination.token_endpoint;
        let endpoint = TokenEndpoint { http: self.http, url, client: self.client };
        let verifier = device.verifier.as_ref();
        let access = RequestedAccess { resource: config.resource.as_ref(), verifier, ..RequestedAccess::default() };
        let (mut last, mut unanswered) = (None, None);
        loop {
            let age = begun.elapsed(clock);
            let (left, wait) = (poll.left(age), poll.next(age, last));
            let Some(wait) = wait else { return Err(self.ran_out(unanswered)) };
            self.wait(wait, left, last)?;
            // A token's lifetime is counted from before it is asked for.
            let asked_at = clock.now();
            let error = match endpoint.request(&Grant::DeviceCode(&device.device_code), &access, &self.request.cancel) {
                Ok(reply) => {
                    self.request.prompt.approved();
                    return Ok(Approved { reply, asked_at });
                }
                Err(error) => error,
            };
            // Some servers (django-allauth) forget a code when it expires or a little earlier, and
            // then report an unknown code. If a reply was lost, the code may have been redeemed.
            let was_known = matches!(last, Some(PollResult::Pending | PollResult::SlowDown(_)));
            let is_over = was_known || poll.left(begun.elapsed(clock)).is_zero();
            if is_over && matches!(&error, TokenError::Refused(response) if response.is("invalid_grant")) {
                return Err(self.ran_out(None));
            }
            let Some(result) = poll_result(&error) else { return Err(error.into()) };
            last = Some(result);
            unanswered = matches!(result, PollResult::NoAnswer(_)).then_some(error);
        }
    }

    /// Waits before a poll, and says why to the person.
    fn wait(&self, duration: Duration, left: Duration, last: Option<PollResult>) -> Result<()> {
        let clock = &*self.app.config.clock;
        let reason = match last {
            None | Some(PollResult::Pending) => WaitReason::Pending,
            Some(PollResult::SlowDown(_)) => WaitReason::SlowedDown,
            Some(PollResult::NoAnswer(_)) => WaitReason::Unreachable,
        };
        self.request.prompt.waiting(&Wait { reason, duration, left, expires_at: clock.now() + left });
        clock.sleep(duration, &self.request.cancel);
        self.request.check_cancelled()
    }

    fn verification(&self, device: &DeviceAuthorization) -> Verification {
        let environment = &self.app.config.environment;
        Verification {
            app: self.app.config.app.clone(),
            verification_uri: device.verification_uri.clone(),
            verification_uri_complete: device.verification_uri_complete.clone(),
            user_code: device.user_code.clone(),
            expires_at: self.app.config.clock.now() + device.expires_in,
            interval: device.interval,
            browser: self.request.browser && environment.can_show_a_browser(),
            headless: environment.is_headless(),
            plain: environment.plain,
            key_store: self.chosen.key_store.name(),
            protection: self.chosen.key_store.protection(),
            instead_of: self.chosen.instead_of.clone(),
            warnings: clock_warning(self.app.config.clock.now(), &self.destination.issuer, device)
                .into_iter()
                .collect(),
        }
    }

    fn cannot_show(&self, error: std::io::Error) -> Error {
        let server = self.destination.issuer.host();
        let message = format!("the code of {server} could not be shown, so nobody could approve it");
        Error::new(ErrorKind::Config, message).with(Remedy::Retry { after: None }).caused_by(error)
    }

    /// Returns the error of a code that was not approved; `unanswered` if the last poll got no answer.
    fn ran_out(&self, unanswered: Option<TokenError>) -> Error {
        let message = format!("the code of {} ran out before it was approved", self.destination.issuer.host());
        let error = match unanswered {
            Some(cause) => Error::new(ErrorKind::Unreachable, message).caused_by(cause),
            None => Error::new(ErrorKind::CodeExpired, message),
        };
        error.with(Remedy::LogIn { context: None })
    }
}

/// Returns how to poll on after an error, or `None` at the end. RFC 8628 §3.5 of any other error code: "it MUST stop
/// polling". A reply that is not OAuth's is an end, too.
fn poll_result(error: &TokenError) -> Option<PollResult> {
    match error {
        TokenError::Refused(response) if response.is("authorization_pending") => Some(PollResult::Pending),
        TokenError::Refused(response) if response.is("slow_down") => Some(PollResult::SlowDown(response.interval)),
        // RFC 6749 §4.1.2.1 has both for what is a 500 or a 503 elsewhere, and some servers send them here.
        TokenError::Refused(response) if response.is("server_error") || response.is("temporarily_unavailable") => {
            Some(PollResult::NoAnswer(None))
        }
        TokenError::Http(HttpError::Busy { retry_after, .. }) => Some(PollResult::NoAnswer(*retry_after)),
        // A transport error does not end a login: the person may be typing their password.
        TokenError::Http(HttpError::Unreachable { .. } | HttpError::NoReply { .. } | HttpError::WebPage { .. }) => {
            Some(PollResult::NoAnswer(None))
        }
        _ => None,
    }
}

/// The person is warned if this machine's clock and the server's differ by at least this much.
/// Drift stays below it and does not prevent most logins. A clock in the wrong time zone, or a
/// clock that stood still while the machine was suspended, is off by half an hour or more.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(20 * 60);

/// Warns the person before the code is shown if the clocks are far apart. The reply to a POST is
/// not cached, so its `Date` is the server's time now. The warning ends no login: either clock may
/// be wrong, and an ID token is checked by the earlier of the two.
fn clock_warning(now: SystemTime, issuer: &Issuer, device: &DeviceAuthorization) -> Option<String> {
    let date = device.date?;
    let skew = now.duration_since(date).unwrap_or_else(|behind| behind.duration());
    if skew < MAX_CLOCK_SKEW {
        return None;
    }
    let [own, other] = [now, date].map(rfc3339);
    Some(format!("this machine's clock says {own}, and that of {} {other}: set this machine's clock", issuer.host()))
}
