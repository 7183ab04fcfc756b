//! One task per client: reads, queues, offers, acknowledges.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::budget::Share;
use super::connect::Connect;
use super::end::End;
use super::frame::{self, Frame, Kind};
use super::gather::{Gather, Ready};
use super::handshake::{self, Established};
use super::listener::Shared;
use super::publish::Publish;
use super::queue::{Pushed, Queue};
use super::session::Claim;
use super::withhold::Withhold;
use super::{Offer, answer, control, socket, wind_down};
use crate::engine::EngineError;
use crate::ingest::{Settled, Source};

/// Answers not yet written, beyond which nothing more is read.
const MAX_OUT: usize = 64 * 1024;
/// How long a client may take to read some of its answers.
const DEAF: Duration = Duration::from_secs(30);
/// Reads are this large at first, and grow while they fill.
const MIN_READ: usize = 2 * 1024;
/// The largest read.
const MAX_READ: usize = 32 * 1024;
/// With the memory of all connections used up, a large packet is waited for this long.
const STARVED: Duration = Duration::from_secs(10);
/// Between two looks at whether memory has become free.
const STARVED_AGAIN: Duration = Duration::from_millis(50);

/// A batch that is being committed.
type UnderWay = Pin<Box<dyn Future<Output = Settled> + Send>>;

/// An established connection.
pub(super) struct Connection<'a, O> {
    pub(super) shared: &'a Arc<Shared<O>>,
    pub(super) stream: &'a mut TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) connect: Connect,
    pub(super) source: Source,
    pub(super) claim: Claim,
    pub(super) queue: Queue,
    pub(super) out: BytesMut,
    pub(super) under_way: Option<UnderWay>,
    /// How long the session outlives the connection, in seconds; DISCONNECT may change it.
    pub(super) session_expiry: u32,
    shutdown: watch::Receiver<bool>,
    input: BytesMut,
    read_size: usize,
    gather: Gather,
    withhold: Withhold<'a>,
    share: Share,
    /// One and a half keep-alive times.
    patience: Option<Duration>,
    last_packet: Instant,
    /// Answers have been waiting to be written since then.
    deaf_since: Option<Instant>,
    starved_since: Option<Instant>,
}

/// What a connection waits for.
enum Event {
    TakenOver {
        clean: bool,
    },
    ShuttingDown,
    Settled(Settled),
    /// So many bytes; 0 if the socket has ended.
    Written(usize),
    /// So many bytes; 0 if the socket has ended.
    Read(usize),
    /// It is time for something.
    Woken,
}

/// From accept to close.
pub(super) async fn serve<O: Offer>(mut stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared<O>>) {
    socket::prepare(&stream);
    let mut shutdown = shared.shutdown.clone();
    let established = tokio::select! {
        // Boxed: what only the beginning and the end need is not held in between.
        established = Box::pin(handshake::establish(&mut stream, peer, shared)) => established,
        _ = shutdown.wait_for(|stop| *stop) => None,
    };
    let Some(established) = established else { return };
    let mut connection = Connection::new(&mut stream, peer, shared, established);
    tracing::debug!(%peer, source = ?connection.source, "connected");
    let end = connection.run().await;
    Box::pin(wind_down::wind_down(connection, end)).await;
    Box::pin(socket::linger(&mut stream)).await;
}

impl<'a, O: Offer> Connection<'a, O> {
    fn new(
        stream: &'a mut TcpStream,
        peer: SocketAddr,
        shared: &'a Arc<Shared<O>>,
        established: Established,
    ) -> Connection<'a, O> {
        let Established { connect, client, claim, queue, keep_alive, input, out } = established;
        Connection {
            stream,
            peer,
            source: Source::Listener { client },
            claim,
            queue,
            out,
            under_way: None,
            session_expiry: connect.session_expiry,
            shutdown: shared.shutdown.clone(),
            input,
            read_size: MIN_READ,
            gather: Gather::new(shared.settings.gather),
            withhold: Withhold::new(&shared.metrics.withholding),
            share: Share::of(&shared.budget),
            patience: (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500)),
            last_packet: Instant::now(),
            deaf_since: None,
            starved_since: None,
            connect,
            shared,
        }
    }

    /// Serves until the connection ends.
    async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.turn().await {
                return end;
            }
        }
    }

    /// Does what can be done at once, then waits for one thing to happen.
    async fn turn(&mut self) -> Result<(), End> {
        let now = Instant::now();
        self.take_packets(now)?;
        let again = self.offer_if_ready(now);
        self.write_now(now)?;
        let may_read = self.may_read(now)?;
        if !may_read {
            // What the client may have sent stays in the socket: its silence says nothing.
            self.last_packet = now;
        }
        let wake = [again, self.check_time(now)?, self.starved_since.map(|_| now + STARVED_AGAIN)];
        let wake = wake.into_iter().flatten().min();
        if may_read {
            self.make_room();
        }
        match self.wait(may_read, wake).await {
            Event::TakenOver { clean } => return Err(End::TakenOver { clean }),
            Event::ShuttingDown => return Err(End::ShuttingDown),
            Event::Settled(settled) => self.settled(settled)?,
            Event::Written(0) | Event::Read(0) => return Err(End::Closed),
            Event::Written(_) => self.deaf_since = None,
            Event::Read(read) => self.has_read(read),
            Event::Woken => {}
        }
        Ok(())
    }

    /// Waits for whatever happens first.
    async fn wait(&mut self, may_read: bool, wake: Option<Instant>) -> Event {
        let (mut reader, mut writer) = self.stream.split();
        let wake = async {
            match wake {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            clean = taken_over(&mut self.claim.taken_over) => Event::TakenOver { clean },
            _ = self.shutdown.wait_for(|stop| *stop) => Event::ShuttingDown,
            settled = wait_for(&mut self.under_way) => Event::Settled(settled),
            written = writer.write_buf(&mut self.out), if !self.out.is_empty() => {
                Event::Written(written.unwrap_or_default())
            }
            read = reader.read_buf(&mut self.input), if may_read => Event::Read(read.unwrap_or_default()),
            () = wake => Event::Woken,
        }
    }

    /// Takes the whole packets out of what has been read, as far as there is room for them.
    fn take_packets(&mut self, now: Instant) -> Result<(), End> {
        let max_size = self.shared.settings.max_packet_size as usize;
        let mut messages = 0;
        while self.has_room() {
            let Some(frame) = frame::next(&mut self.input, max_size)? else { break };
            self.last_packet = now;
            if frame.kind == Kind::Publish {
                messages += 1;
                self.publish(frame)?;
            } else {
                self.other(&frame)?;
            }
        }
        if messages > 0 {
            self.gather.arrived(now);
            self.shared.metrics.messages.add(messages);
        }
        self.share.hold(self.queue.bytes() + self.input.len());
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.queue.has_room(self.shared.settings.connection_memory) && self.out.len() < MAX_OUT
    }

    fn publish(&mut self, frame: Frame) -> Result<(), End> {
        let publish = Publish::parse(self.connect.version, frame.flags, frame.body)?;
        if self.queue.push(publish)? == Pushed::Again {
            self.shared.metrics.repeated.add(1);
        }
        Ok(())
    }

    /// Any packet but PUBLISH.
    fn other(&mut self, frame: &Frame) -> Result<(), End> {
        let (version, body) = (self.connect.version, &frame.body[..]);
        match frame.kind {
            Kind::PubRel => {
                let id = control::pubrel(version, body)?;
                let known = self.queue.release(id);
                answer::pubcomp(version, id, known, &mut self.out);
            }
            Kind::PingReq if body.is_empty() => answer::pingresp(&mut self.out),
            Kind::PingReq => return Err(End::Malformed("PINGREQ with a body")),
            Kind::Subscribe => {
                let (id, filters) = control::subscribe(version, body)?;
                self.shared.metrics.subscriptions_refused.add(filters as u64);
                tracing::info!(source = ?self.source, "a subscription is refused: the listener serves none");
                self.answer(|out, reasons| answer::suback(version, id, filters, reasons, out));
            }
            Kind::Unsubscribe => {
                let (id, filters) = control::unsubscribe(version, body)?;
                self.answer(|out, _| answer::unsuback(version, id, filters, out));
            }
            Kind::Disconnect => return Err(self.disconnect(body)?),
            Kind::Connect => return Err(End::Protocol("a second CONNECT")),
            Kind::Auth => return Err(End::Protocol("AUTH, though no authentication method was agreed on")),
            Kind::PubAck | Kind::PubRec | Kind::PubComp => {
                return Err(End::Protocol("an acknowledgement, though nothing was published to the client"));
            }
            Kind::Publish => {}
        }
        Ok(())
    }

    /// Writes an answer, without its reason if the client does not want one or does not take such large packets.
    fn answer(&mut self, write: impl Fn(&mut BytesMut, bool)) {
        let before = self.out.len();
        write(&mut self.out, self.connect.reasons);
        if self.out.len() - before > self.connect.max_packet_size {
            self.out.truncate(before);
            write(&mut self.out, false);
        }
        if self.out.len() - before > self.connect.max_packet_size {
            self.out.truncate(before);
        }
    }

    /// DISCONNECT: how the connection ends by it.
    fn disconnect(&mut self, body: &[u8]) -> Result<End, End> {
        let (end, expiry) = control::disconnect(self.connect.version, body)?;
        if let Some(expiry) = expiry {
            if self.connect.session_expiry == 0 && expiry != 0 {
                return Err(End::Protocol("DISCONNECT prolongs a session that was to end"));
            }
            self.session_expiry = expiry;
        }
        Ok(end)
    }

    /// Offers the next batch if it is time; else gives when to look again.
    fn offer_if_ready(&mut self, now: Instant) -> Option<Instant> {
        if self.under_way.is_some() || self.queue.ready() == 0 {
            return None;
        }
        if let Some(again) = self.withhold.until(now) {
            return Some(again);
        }
        // Where nothing more can be read, nothing more can come.
        let full = !self.has_room();
        match self.gather.ready(self.queue.ready(), now) {
            Ready::At(again) if !full => return Some(again),
            _ => {}
        }
        self.gather.offered();
        self.begin();
        None
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self) {
        let messages = self.queue.begin(&self.source);
        if messages.is_empty() {
            // Only what is stored already.
            let acknowledged = self.queue.settle(0, &mut self.out);
            self.shared.metrics.acknowledged.add(acknowledged);
            return;
        }
        let offer = self.shared.offer.clone();
        self.under_way = Some(Box::pin(async move { offer.offer(messages).await }));
    }

    /// A batch has ended.
    pub(super) fn settled(&mut self, settled: Settled) -> Result<(), End> {
        self.under_way = None;
        let outstanding = self.queue.unacknowledged();
        let acknowledged = self.queue.settle(settled.count, &mut self.out);
        if acknowledged > 0 {
            self.gather.acknowledged(outstanding, Instant::now());
        }
        self.shared.metrics.acknowledged.add(acknowledged);
        match settled.failed {
            None => self.withhold.ended(&self.source),
            Some(EngineError::OutcomeUnknown(_)) => return Err(End::OutcomeUnknown),
            Some(EngineError::Busy) => self.withhold.busy(settled.count > 0),
            Some(error) => {
                let dropped = self.queue.drop_qos0();
                self.shared.metrics.dropped_qos0.add(dropped);
                self.withhold.full(settled.count > 0, dropped, &error, &self.source);
            }
        }
        self.share.hold(self.queue.bytes() + self.input.len());
        Ok(())
    }

    /// Writes what the socket takes at once.
    fn write_now(&mut self, now: Instant) -> Result<(), End> {
        use bytes::Buf as _;
        while !self.out.is_empty() {
            match self.stream.try_write(&self.out) {
                Ok(0) => return Err(End::Closed),
                Ok(written) => {
                    self.out.advance(written);
                    self.deaf_since = None;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.deaf_since.get_or_insert(now);
                    return Ok(());
                }
                Err(_) => return Err(End::Closed),
            }
        }
        Ok(())
    }

    /// Whether the socket may be read.
    fn may_read(&mut self, now: Instant) -> Result<bool, End> {
        let used_up = self.shared.budget.is_used_up();
        if !used_up || self.input.len() < MIN_READ || self.queue.len() > 0 {
            self.starved_since = None;
            let wait_for_own = used_up && self.queue.len() > 0;
            return Ok(self.has_room() && !wait_for_own);
        }
        // A large packet is on its way, and nothing of this connection's own will make room for it.
        let since = *self.starved_since.get_or_insert(now);
        if now > since + STARVED { Err(End::Memory) } else { Ok(false) }
    }

    /// Ends a connection whose client is silent or deaf; gives when to look again.
    fn check_time(&self, now: Instant) -> Result<Option<Instant>, End> {
        let deaf = self.deaf_since.map(|since| since + DEAF);
        if deaf.is_some_and(|at| now >= at) {
            return Err(End::Deaf);
        }
        let silent = self.patience.map(|patience| self.last_packet + patience);
        if silent.is_some_and(|at| now >= at) {
            return Err(End::Silent);
        }
        Ok(deaf.into_iter().chain(silent).min())
    }

    /// Room for the next read. Frames still in use share the old buffer; the rest of it is used up first.
    fn make_room(&mut self) {
        let free = self.input.capacity() - self.input.len();
        if free < MIN_READ / 4 {
            let missing = frame::missing(&self.input).unwrap_or_default().min(MAX_READ);
            self.input.reserve(self.read_size.max(missing));
        }
    }

    fn has_read(&mut self, bytes: usize) {
        self.shared.metrics.bytes.add(bytes as u64);
        if self.input.len() == self.input.capacity() {
            self.read_size = (self.read_size * 2).min(MAX_READ);
        }
        socket::acknowledge_quickly(&*self.stream);
    }
}

/// Another connection has claimed the client; whether with a clean start.
async fn taken_over(claim: &mut watch::Receiver<Option<bool>>) -> bool {
    match claim.wait_for(Option::is_some).await.map(|clean| clean.unwrap_or(false)) {
        Ok(clean) => clean,
        // The sender lives as long as the claim.
        Err(_) => std::future::pending().await,
    }
}

/// The batch under way; waits for ever if there is none.
pub(super) async fn wait_for(under_way: &mut Option<UnderWay>) -> Settled {
    match under_way {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
