//! Upstreams for the loop of `kill -9`.

use std::net::SocketAddr;

use super::daemon::Daemon;
use super::kill::Upstream;
use super::peer::{Kind, Peer};

/// Another Forebay; killed when it is to go away.
pub struct Forebay {
    daemon: Daemon,
    away: bool,
}

impl Forebay {
    /// Starts one with a table of the same name.
    pub fn start() -> Forebay {
        Forebay { daemon: Daemon::with_defaults(""), away: false }
    }
}

impl Upstream for Forebay {
    fn address(&self) -> SocketAddr {
        self.daemon.http
    }

    fn go_away(&mut self) {
        if !std::mem::replace(&mut self.away, true) {
            self.daemon.kill();
        }
    }

    fn come_back(&mut self) {
        if std::mem::take(&mut self.away) {
            self.daemon.launch();
        }
    }
}

/// An endpoint that nobody here wrote. One that keeps its data in files is killed, moto only loses its link.
pub struct Foreign {
    peer: Peer,
    away: bool,
}

impl Foreign {
    /// Starts one, and makes the table.
    pub fn start(kind: Kind) -> Foreign {
        let peer = Peer::start(kind);
        peer.create_readings("readings");
        Foreign { peer, away: false }
    }
}

impl Upstream for Foreign {
    fn address(&self) -> SocketAddr {
        self.peer.address
    }

    fn go_away(&mut self) {
        if self.peer.kind != Kind::Moto && !std::mem::replace(&mut self.away, true) {
            self.peer.kill();
        }
    }

    fn come_back(&mut self) {
        if std::mem::take(&mut self.away) {
            self.peer.launch();
        }
    }
}
