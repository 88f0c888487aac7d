mod interrupted;
mod network;
mod pkce;
mod polling;
mod replies;
mod session_or_login;
mod verification;
