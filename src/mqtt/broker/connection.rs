//! One connection to a broker: bytes in, bytes out, packets, pings. Nothing here outlives it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use super::intake::Intake;
use super::packets::{self, Packet, TooLarge};
use super::settings::{BrokerSettings, BrokerUrl};
use super::stream::{self, Stream};
use super::subscription::Subscription;
use crate::clock::Clock;
use crate::mqtt::{Offer, Version, answer, frame, socket};
use crate::security::secret;
use crate::telemetry::BrokerMetrics;

/// Reads are this large at first, and grow while they fill.
const MIN_READ: usize = 4 * 1024;
/// The largest read.
const MAX_READ: usize = 64 * 1024;
/// How long the broker may take to read some of what it is sent.
const DEAF: Duration = Duration::from_secs(30);
/// How long the last packets may take to be written.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// An accepted connection.
pub(super) struct Connection {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    handle: OwnedFd,
    pub(super) version: Version,
    max_packet: usize,
    /// Zero for none.
    keep_alive: Duration,
    input: BytesMut,
    read_size: usize,
    /// Bytes of a packet that is too large, still to be left out.
    discard: usize,
    /// To be sent.
    pub(super) out: BytesMut,
    /// Something was written that may still be on its way through TLS.
    unflushed: bool,
    last_read: Instant,
    last_sent: Instant,
    /// A PINGREQ went out then, and nothing has come since.
    pinged: Option<Instant>,
    deaf_since: Option<Instant>,
    pub(super) subscription: Subscription,
}

/// What happened on the socket.
pub(super) enum Io {
    /// Everything was sent.
    Sent,
    /// So many bytes came; 0 if the socket has ended.
    Read(usize),
}

impl Connection {
    /// Connects, says CONNECT and waits for the broker's word; also gives whether it still has the session.
    pub(super) async fn open(
        url: &BrokerUrl,
        settings: &BrokerSettings,
        clock: &Clock,
    ) -> Result<(Connection, bool), String> {
        let opened = timeout(settings.connect_timeout, Connection::establish(url, settings, clock));
        opened.await.unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
    }

    async fn establish(
        url: &BrokerUrl,
        settings: &BrokerSettings,
        clock: &Clock,
    ) -> Result<(Connection, bool), String> {
        let password = match settings.password_file.clone() {
            Some(file) => {
                let read = tokio::task::spawn_blocking(move || secret::read(&file));
                let read = read.await.map_err(|error| error.to_string())?;
                Some(read.map_err(|error| format!("password_file: {error}"))?)
            }
            None => None,
        };
        let (stream, handle) = stream::open(url, settings, clock).await?;
        let (reader, writer) = split(stream);
        let now = Instant::now();
        let mut connection = Connection {
            reader,
            writer,
            handle,
            version: super::version(settings.protocol),
            max_packet: settings.max_packet_size as usize,
            keep_alive: settings.keep_alive,
            input: BytesMut::with_capacity(MIN_READ),
            read_size: MIN_READ,
            discard: 0,
            out: BytesMut::new(),
            unflushed: false,
            last_read: now,
            last_sent: now,
            pinged: None,
            deaf_since: None,
            subscription: Subscription::default(),
        };
        let password = password.as_ref().map_or("", |password| password.expose());
        let login = settings.username.as_deref().map(|username| (username, password));
        packets::connect(settings, login, &mut connection.out);
        let session_present = connection.accepted().await?;
        Ok((connection, session_present))
    }

    /// Sends CONNECT and reads CONNACK.
    async fn accepted(&mut self) -> Result<bool, String> {
        loop {
            match packets::next(self.version, &mut self.input, self.max_packet)? {
                Some(Packet::Accepted { session_present, keep_alive }) => {
                    if let Some(seconds) = keep_alive {
                        self.keep_alive = Duration::from_secs(seconds.into());
                    }
                    return Ok(session_present);
                }
                Some(Packet::Refused(reason) | Packet::Goodbye(reason)) => return Err(reason),
                Some(_) => return Err("the broker breaks the protocol: no CONNACK".to_owned()),
                None => {}
            }
            self.make_room();
            match self.io(true).await {
                Ok(Io::Read(0)) => return Err(closed()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Takes the whole packets out of what has been read, as far as there is room for messages.
    pub(super) fn take_packets<O: Offer>(
        &mut self,
        intake: &mut Intake<'_, O>,
        metrics: &BrokerMetrics,
        now: Instant,
    ) -> Result<(), String> {
        while intake.has_room() {
            let leave_out = self.discard.min(self.input.len());
            self.input.advance(leave_out);
            self.discard -= leave_out;
            if self.discard > 0 {
                break;
            }
            let Some(packet) = packets::next(self.version, &mut self.input, self.max_packet)? else { break };
            match packet {
                Packet::Publish(publish) => {
                    metrics.messages.add(1);
                    metrics.repeated.add(u64::from(publish.dup()));
                    if publish.retained() && self.subscription.has_had(publish.topic()) {
                        metrics.retained_again.add(1);
                        intake.push_settled(publish.packet_id(), publish.qos());
                    } else if self.subscription.is_copy(&publish) {
                        metrics.copies.add(1);
                        intake.push_settled(publish.packet_id(), publish.qos());
                    } else {
                        intake.push(publish, now);
                    }
                }
                Packet::TooLarge(message) => {
                    metrics.messages.add(1);
                    metrics.too_large.add(1);
                    self.leave_out(&message);
                    intake.push_settled(message.packet_id, message.qos);
                }
                Packet::Suback { id, granted } => self.subscription.suback(id, &granted)?,
                Packet::Unsuback { id } => self.subscription.unsuback(id),
                Packet::Pubrel { id } => answer::pubcomp(self.version, id, true, &mut self.out),
                Packet::Pong => {}
                Packet::Goodbye(reason) => return Err(reason),
                Packet::Accepted { .. } | Packet::Refused(_) => {
                    return Err("the broker breaks the protocol: a second CONNACK".to_owned());
                }
            }
        }
        Ok(())
    }

    /// A message beyond the maximum size would come again and again if it were not acknowledged: nothing would come after it.
    fn leave_out(&mut self, message: &TooLarge) {
        tracing::warn!(
            topic = message.topic,
            bytes = message.size,
            limit = self.max_packet,
            "a message is too large and not stored; max_packet_size in [mqtt.broker] is the limit"
        );
        self.discard = message.size;
    }

    /// Room for the next read. Packets still in use share the old buffer; the rest of it is used up first.
    pub(super) fn make_room(&mut self) {
        let free = self.input.capacity() - self.input.len();
        if free < MIN_READ / 4 {
            let missing = frame::missing(&self.input).unwrap_or_default();
            self.input.reserve(self.read_size.max(missing.min(self.input.len().max(MAX_READ))));
        }
    }

    /// Sends what is to be sent; else reads, if that is wished. Nothing is lost if the wait is given up.
    pub(super) async fn io(&mut self, may_read: bool) -> io::Result<Io> {
        let Connection { reader, writer, out, unflushed, input, .. } = self;
        let sends = !out.is_empty() || *unflushed;
        let io = tokio::select! {
            biased;
            sent = send(writer, out, unflushed), if sends => sent.map(|()| Io::Sent),
            read = reader.read_buf(input), if may_read => read.map(Io::Read),
            else => std::future::pending().await,
        }?;
        let now = Instant::now();
        match io {
            Io::Sent => (self.last_sent, self.deaf_since) = (now, None),
            Io::Read(_) => self.has_read(now),
        }
        Ok(io)
    }

    fn has_read(&mut self, now: Instant) {
        (self.last_read, self.pinged) = (now, None);
        if self.input.len() == self.input.capacity() {
            self.read_size = (self.read_size * 2).min(MAX_READ);
        }
        socket::acknowledge_quickly(&self.handle);
    }

    /// Pings if it is time, and ends a connection whose broker is silent or deaf; gives when to look again. While nothing
    /// may be read, silence says nothing.
    pub(super) fn check_time(&mut self, may_read: bool, now: Instant) -> Result<Option<Instant>, String> {
        if !may_read {
            (self.last_read, self.pinged) = (now, None);
            self.subscription.wait_longer(now);
        }
        let late = self.subscription.check_time(now)?;
        let ping = self.check_silence(now)?;
        let sends = !self.out.is_empty() || self.unflushed;
        let deaf = sends.then(|| *self.deaf_since.get_or_insert(now) + DEAF);
        if deaf.is_some_and(|at| now >= at) {
            return Err("the broker does not read what it is sent".to_owned());
        }
        Ok([late, ping, deaf].into_iter().flatten().min())
    }

    fn check_silence(&mut self, now: Instant) -> Result<Option<Instant>, String> {
        if self.keep_alive.is_zero() {
            return Ok(None);
        }
        if let Some(since) = self.pinged {
            let until = since + self.keep_alive;
            return if now < until {
                Ok(Some(until))
            } else {
                Err("the broker does not answer a ping".to_owned())
            };
        }
        let due = self.last_sent.min(self.last_read) + self.keep_alive;
        if now < due {
            return Ok(Some(due));
        }
        packets::ping(&mut self.out);
        (self.last_sent, self.pinged) = (now, Some(now));
        Ok(Some(now + self.keep_alive))
    }

    /// DISCONNECT, after what is still to be sent: the session stays.
    pub(super) async fn goodbye(mut self) {
        packets::disconnect(&mut self.out);
        let last = async {
            send(&mut self.writer, &mut self.out, &mut self.unflushed).await?;
            self.writer.shutdown().await
        };
        if !matches!(timeout(LAST_WRITE, last).await, Ok(Ok(()))) {
            tracing::debug!("the last packets to the MQTT broker could not be written");
        }
    }
}

/// For the log: the socket ended without a word.
pub(super) fn closed() -> String {
    "the broker has closed the connection".to_owned()
}

/// Sends everything. May be given up anywhere.
async fn send(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    out: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    while !out.is_empty() {
        *unflushed = true;
        if writer.write_buf(out).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
}
