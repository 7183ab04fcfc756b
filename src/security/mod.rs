//! Who may do what. A request reaches `engine` only as [`Authorized`].

pub mod credentials;
pub mod secret;
pub mod sign;
pub mod tls;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A local client of a door whose `auth` is `off`.
    Local,
    /// A rule of the configuration, for what MQTT brings.
    Rule,
    /// The daemon itself (resolution of estimated times, configured tables).
    Daemon,
}

/// A request that policy has let through.
#[derive(Clone, Debug)]
pub struct Authorized<T> {
    principal: Principal,
    request: T,
}

impl<T> Authorized<T> {
    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The request.
    pub fn request(&self) -> &T {
        &self.request
    }

    /// Takes the request out.
    pub fn into_inner(self) -> T {
        self.request
    }
}

/// Decides. With `auth = "off"` (loopback only) every local principal may do everything.
pub fn authorize<T>(principal: Principal, request: T) -> Authorized<T> {
    Authorized { principal, request }
}
