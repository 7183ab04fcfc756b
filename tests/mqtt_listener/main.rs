//! The MQTT listener, from outside: raw bytes, rumqttc, and mosquitto's clients against a store that does as it is told.

mod clients;
mod fake;
mod fuzz;
mod limits;
mod qos;
mod real;
mod session;
mod wire;
mod withholding;
