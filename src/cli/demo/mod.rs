//! `forebay demo`: the main job on one machine with nothing installed, told as it happens.

mod compare;
mod device;
mod link;
mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::device::Device;
use self::link::Link;
use self::process::{Daemon, free_address};
use super::client::Client;
use super::{Failure, print, runtime, say};
use crate::telemetry::status::Status;

/// The table on both ends.
const TABLE: &str = "readings";
/// Devices that publish.
const DEVICES: usize = 4;
/// How often a waiting step looks, and for how long it waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// Runs the demo and cleans up.
pub(super) fn run(keep: bool) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("forebay-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    let folder = Folder(folder);
    runtime()?.block_on(story(&folder.0, keep))
}

/// Removed when the demo ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn story(folder: &Path, keep: bool) -> Result<(), Failure> {
    let central = central(folder).await?;
    say(&format!("1. A central endpoint that speaks DynamoDB: http://{}", central.http));
    let link = Link::start(central.http)
        .await
        .map_err(|error| Failure::Failed(format!("the link between the two: {error}")))?;
    let (mut gateway, listener) = gateway(folder, &link).await?;
    say(&format!(
        "2. A gateway: MQTT on {listener}, HTTP on http://{}, its upstream is the centre",
        gateway.http
    ));

    let mut devices: Vec<Device> = (0..DEVICES).map(|number| Device::start(number, listener)).collect();
    publish(&mut devices, 100).await;
    settle(&devices).await?;
    drained(&gateway.client()).await?;
    say(&format!("3. {DEVICES} devices published 100 readings each; all acknowledged, all at the centre"));

    link.set_up(false);
    publish(&mut devices, 150).await;
    settle(&devices).await?;
    let pending = status(&gateway.client()).await?.upstreams.first().map_or(0, |upstream| upstream.pending);
    say(&format!(
        "4. Link cut; 150 readings each, acknowledged all the same; {pending} changes wait on the gateway"
    ));

    let restart = kill_under_load(&mut gateway, &mut devices).await?;
    settle(&devices).await?;
    say(&format!(
        "5. kill -9 of the gateway while 250 readings each came in; ready again after {} ms, the devices went on",
        restart.as_millis()
    ));

    link.set_up(true);
    drained(&gateway.client()).await?;
    say("6. Link restored; the backlog is drained");

    prove(&gateway, &central, &devices).await?;
    if keep {
        say(&format!(
            "Staying up (Ctrl-C ends it): gateway http://{}, centre http://{}",
            gateway.http, central.http
        ));
        let _ = tokio::signal::ctrl_c().await;
    }
    Ok(())
}

async fn central(folder: &Path) -> Result<Daemon, Failure> {
    let http = free_address()?;
    let data = folder.join("central-data");
    let configuration = format!(
        r#"
[gateway]
id = "centre"
[clock]
trust = "always"
[store]
path = {data:?}
[http]
listen = "{http}"
[[table]]
name = "{TABLE}"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
"#
    );
    Daemon::start("central", folder, http, &configuration).await
}

async fn gateway(folder: &Path, link: &Link) -> Result<(Daemon, std::net::SocketAddr), Failure> {
    let (http, listener) = (free_address()?, free_address()?);
    let data = folder.join("gateway-data");
    let upstream = link.address();
    let configuration = format!(
        r#"
[gateway]
id = "gateway"
[clock]
trust = "always"
[store]
path = {data:?}
[http]
listen = "{http}"
[mqtt.listener]
listen = "{listener}"
[[table]]
name = "{TABLE}"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
[[rule]]
name = "sensors"
topic = "sensors/{{device}}"
table = "{TABLE}"
payload = "json"
set = {{ device = "{{device}}" }}
[[upstream]]
name = "central"
endpoint = "http://{upstream}"
region = "eu-west-1"
"#
    );
    Ok((Daemon::start("gateway", folder, http, &configuration).await?, listener))
}

async fn publish(devices: &mut [Device], readings: u64) {
    for device in devices {
        device.publish(readings).await;
    }
}

/// Kills the gateway while readings come in, and starts it again.
async fn kill_under_load(gateway: &mut Daemon, devices: &mut [Device]) -> Result<Duration, Failure> {
    publish(devices, 250).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    gateway.kill().await?;
    gateway.restart().await
}

/// Waits until everything published has been acknowledged.
async fn settle(devices: &[Device]) -> Result<(), Failure> {
    until("the devices' acknowledgements", async || Ok(devices.iter().all(Device::settled))).await
}

/// Waits until nothing is pending.
async fn drained(gateway: &Client) -> Result<(), Failure> {
    until("the backlog to drain", async || {
        Ok(status(gateway).await?.upstreams.iter().all(|upstream| upstream.pending == 0))
    })
    .await
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + GIVE_UP_AFTER;
    while !done().await? {
        if tokio::time::Instant::now() > deadline {
            return Err(Failure::Failed(format!("waited {} s for {what}, in vain", GIVE_UP_AFTER.as_secs())));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn status(client: &Client) -> Result<Status, Failure> {
    let (_, body) = client.get("/v1/status").await?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Failed(format!("the status can't be read: {error}")))
}

/// Both ends hold the same items, and every acknowledged reading is among them.
async fn prove(gateway: &Daemon, central: &Daemon, devices: &[Device]) -> Result<(), Failure> {
    let near = compare::items(&gateway.client(), TABLE).await?;
    let far = compare::items(&central.client(), TABLE).await?;
    let mut acknowledged = 0;
    let mut lost = 0;
    for device in devices {
        for ts in device.acknowledged() {
            acknowledged += 1;
            lost += usize::from(!near.contains_key(&(device.name().to_owned(), ts)));
        }
    }
    let differing = near.iter().filter(|(key, item)| far.get(key) != Some(item)).count()
        + far.keys().filter(|key| !near.contains_key(key)).count();
    print(&format!(
        "acknowledged {acknowledged}, lost {lost}; gateway {} items, centre {} items, differing {differing}\n",
        near.len(),
        far.len()
    ))?;
    if lost > 0 || differing > 0 || near.len() != acknowledged {
        return Err(Failure::Failed("the two ends do not agree with what was acknowledged".to_owned()));
    }
    say("Proof: every acknowledged reading is on both ends, once, and the two ends are equal.");
    Ok(())
}
