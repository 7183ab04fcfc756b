//! Sockets that a service manager has opened for the daemon (`sd_listen_fds(3)`): a door takes the one that has its name
//! (`http`, `mqtt`), or else its address.

use std::net::{SocketAddr, TcpListener};

use rustix::io::{FdFlags, fcntl_setfd};

/// Those that no door has taken yet.
#[derive(Default)]
pub(super) struct Sockets(Vec<(Option<String>, TcpListener)>);

impl Sockets {
    /// What this process was started with. To be called once.
    pub(super) fn from_environment() -> Sockets {
        let passed = sd_listen_fds::get().unwrap_or_else(|error| {
            tracing::warn!(%error, "LISTEN_FDS can't be read: every door is opened here");
            Vec::new()
        });
        let listener = |(name, socket): (Option<String>, sd_listen_fds::OwnedFd)| {
            let socket = socket.into_std();
            // Not for children, and not to block.
            let settled = fcntl_setfd(&socket, FdFlags::CLOEXEC).map_err(std::io::Error::from);
            let listener = TcpListener::from(socket);
            match settled.and_then(|()| listener.set_nonblocking(true)).and_then(|()| listener.local_addr()) {
                Ok(_) => Some((name, listener)),
                Err(error) => {
                    tracing::warn!(name, %error, "a socket from the service manager is not one of TCP");
                    None
                }
            }
        };
        Sockets(passed.into_iter().filter_map(listener).collect())
    }

    /// The socket for a door of this name and address, if it was passed.
    pub(super) fn take(&mut self, door: &str, address: SocketAddr) -> Option<TcpListener> {
        let named = self.0.iter().position(|(name, _)| name.as_deref() == Some(door));
        let at = named.or_else(|| {
            self.0.iter().position(|(_, listener)| listener.local_addr().is_ok_and(|it| it == address))
        })?;
        let (_, listener) = self.0.swap_remove(at);
        tracing::debug!(door, "the service manager's socket serves");
        Some(listener)
    }

    /// Says which ones no door wanted: whoever connects there waits for ever.
    pub(super) fn complain(self) {
        for (name, listener) in self.0 {
            let address =
                listener.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
            tracing::warn!(
                name,
                address,
                "a socket from the service manager belongs to no door; its address must be the configuration's"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_takes_the_socket_of_its_name_or_else_of_its_address() {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (first, second, third) = (listen(), listen(), listen());
        let addresses = [&first, &second, &third].map(|listener| listener.local_addr().unwrap());
        let mut sockets = Sockets(vec![
            (Some("unit.socket".to_owned()), first),
            (Some("http".to_owned()), second),
            (None, third),
        ]);
        let mut take = |door, at: SocketAddr| sockets.take(door, at).map(|it| it.local_addr().unwrap());
        assert_eq!(take("http", addresses[0]), Some(addresses[1]));
        assert_eq!(take("mqtt", addresses[2]), Some(addresses[2]));
        assert_eq!(take("mqtt", addresses[2]), None);
        assert_eq!(sockets.0.len(), 1);
    }
}
