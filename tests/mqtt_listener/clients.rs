//! Clients nobody here wrote.

use std::process::Stdio;
use std::time::Duration;

use rumqttc::v5;
use tokio::process::Command;

use crate::fake::{GUARD, Running, start};

const COUNT: usize = 200;

fn expected() -> Vec<String> {
    (0..COUNT).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn rumqttc_3_1_1_at_every_qos() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    for (qos, acks) in [(QoS::AtMostOnce, 0), (QoS::AtLeastOnce, COUNT), (QoS::ExactlyOnce, COUNT)] {
        let running = start().await;
        let mut options = MqttOptions::new("rumqttc", "127.0.0.1", running.address.port());
        options.set_keep_alive(Duration::from_secs(5)).set_inflight(20);
        let (client, mut events) = AsyncClient::new(options, 10);
        let publishing = tokio::spawn(async move {
            for number in 0..COUNT {
                client.publish("a/b", qos, false, number.to_string()).await.unwrap();
            }
            client
        });
        let mut done = 0;
        let acknowledged = async {
            while done < acks {
                if let Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) = events.poll().await.unwrap()
                {
                    done += 1;
                }
            }
            loop {
                events.poll().await.unwrap();
            }
        };
        tokio::select! {
            () = acknowledged => {}
            _ = running.store.stored(COUNT) => {}
        }
        assert_eq!(running.store.payloads(), expected());
        drop(publishing);
    }
}

#[tokio::test]
async fn rumqttc_5_at_every_qos() {
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::Packet;
    use v5::{AsyncClient, Event, MqttOptions};
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let running = start().await;
        let mut options = MqttOptions::new("rumqttc", "127.0.0.1", running.address.port());
        options.set_keep_alive(Duration::from_secs(5));
        let (client, mut events) = AsyncClient::new(options, 10);
        let publishing = tokio::spawn(async move {
            for number in 0..COUNT {
                client.publish("a/b", qos, false, number.to_string()).await.unwrap();
            }
            client
        });
        let mut done = 0;
        let work = async {
            while done < COUNT {
                if let Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) = events.poll().await.unwrap()
                {
                    done += 1;
                }
            }
        };
        tokio::time::timeout(GUARD, work).await.unwrap();
        assert_eq!(running.store.payloads(), expected());
        drop(publishing);
    }
}

async fn mosquitto(running: &Running, program: &str, arguments: &[&str]) -> Option<std::process::Output> {
    let child = Command::new(program)
        .args(["-h", "127.0.0.1", "-p", &running.address.port().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(GUARD, child).await.unwrap_or_else(|_| panic!("{program} hangs")) {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: {program} is not installed ({error})");
            None
        }
    }
}

#[tokio::test]
async fn mosquitto_pub_at_every_qos_and_version() {
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let running = start().await;
            let arguments = ["-V", version, "-q", qos, "-t", "s/1", "-m", "21.5", "--repeat", "20", "-r"];
            let Some(output) = mosquitto(&running, "mosquitto_pub", &arguments).await else { return };
            assert!(output.status.success(), "{output:?}");
            let stored = running.store.stored(20).await;
            assert!(stored.iter().all(|message| *message == ("s/1".to_owned(), b"21.5".to_vec())));
            assert_eq!(stored.len(), 20);
            assert!(running.store.messages().iter().all(|message| message.retained));
        }
    }
}

#[tokio::test]
async fn mosquitto_pub_of_a_large_payload() {
    let running = start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![b'x'; 256 * 1024]).unwrap();
    let arguments = ["-q", "1", "-t", "big", "-f", file.path().to_str().unwrap()];
    let Some(output) = mosquitto(&running, "mosquitto_pub", &arguments).await else { return };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(running.store.stored(1).await[0].1.len(), 256 * 1024);
}

#[tokio::test]
async fn mosquitto_sub_and_rr_are_refused_and_end() {
    let running = start().await;
    for version in ["mqttv311", "mqttv5"] {
        let subscribe = ["-V", version, "-t", "s/#", "-q", "1"];
        let Some(output) = mosquitto(&running, "mosquitto_sub", &subscribe).await else { return };
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains("denied"), "{output:?}");
        let request = ["-V", version, "-t", "s/1", "-e", "answer", "-m", "x", "-W", "1"];
        let Some(output) = mosquitto(&running, "mosquitto_rr", &request).await else { return };
        assert!(!output.status.success() || output.stdout.is_empty(), "{output:?}");
    }
}
