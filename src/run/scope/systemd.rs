//! The talk with the user's systemd, over D-Bus.

use std::future::poll_fn;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use futures_core::Stream;
use nix::unistd::{Pid, getpid};
use zbus::connection::Builder;
use zbus::message::{Message, Type};
use zbus::{
    AsyncDrop, Connection, DBusError, MatchRule, MessageStream, ObjectPath, OwnedObjectPath,
    Variant,
};

use crate::diagnostic::cause;

use super::answer::{Refusal, cut};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const OBJECT: &str = "/org/freedesktop/systemd1";

/// Has systemd make the scope `unit` with this process and `member` in it, and waits until it
/// has (org.freedesktop.systemd1(5), `StartTransientUnit`). `bus` is a fresh connection.
pub fn make_scope(
    bus: UnixStream,
    unit: &str,
    description: &str,
    member: Pid,
) -> Result<(), Refusal> {
    let line = bus.try_clone().map_err(|error| Refusal::Broken(cause(&error)))?;
    zbus::block_on(async {
        let connection = Builder::unix_stream(bus)
            .build()
            .await
            .map_err(|error| Refusal::Authentication(cut(error.to_string())))?;
        let result = talk(&connection, unit, description, member).await;
        // Ends the library's task that reads here and now: left behind, it would go on in a
        // thread of its own. The bus may have hung up before, which is as good.
        let _ = line.shutdown(Shutdown::Both);
        connection.closed().await;
        result
    })
}

async fn talk(
    connection: &Connection,
    unit: &str,
    description: &str,
    member: Pid,
) -> Result<(), Refusal> {
    bus_counts_as_we_do(connection).await?;
    // Before the job begins: its end cannot be missed.
    let mut removals = removals_of(connection, unit).await?;
    let call = (unit, "fail", properties(description, member), auxiliary_units());
    let result = start(connection, &call, &mut removals).await;
    removals.async_drop().await;
    result
}

async fn start<B: serde::Serialize + zbus::DynamicType>(
    connection: &Connection,
    call: &B,
    removals: &mut MessageStream,
) -> Result<(), Refusal> {
    let job: OwnedObjectPath =
        ask(connection, SYSTEMD, OBJECT, MANAGER, "StartTransientUnit", call)
            .await?
            .body()
            .deserialize()
            .map_err(refusal)?;
    match end_of_job(removals, &job).await?.as_str() {
        "done" => Ok(()),
        result => Err(Refusal::Job(cut(result))),
    }
}

/// In another pid namespace the numbers that we name are those of other processes of this
/// user, and systemd would move these.
async fn bus_counts_as_we_do(connection: &Connection) -> Result<(), Refusal> {
    const BUS: &str = "org.freedesktop.DBus";
    let name = connection.unique_name().expect("connecting to a bus is being given a name");
    let call = (name.as_str(),);
    let number: u32 =
        ask(connection, BUS, "/org/freedesktop/DBus", BUS, "GetConnectionUnixProcessID", &call)
            .await?
            .body()
            .deserialize()
            .map_err(refusal)?;
    if Ok(number) == u32::try_from(getpid().as_raw()) { Ok(()) } else { Err(Refusal::OtherNumbers) }
}

/// What systemd tells about jobs of `unit` that ended.
async fn removals_of(connection: &Connection, unit: &str) -> Result<MessageStream, Refusal> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(SYSTEMD)
        .path(OBJECT)
        .interface(MANAGER)
        .member("JobRemoved")
        .arg(2, unit)
        .build()
        .map_err(refusal)?;
    MessageStream::for_match_rule(rule, connection, None).await.map_err(refusal)
}

/// See systemd.scope(5), systemd.kill(5) and systemd.resource-control(5).
fn properties(description: &str, member: Pid) -> Vec<(&'static str, Variant<'static>)> {
    let processes = [getpid(), member].map(|process| process.as_raw().cast_unsigned());
    vec![
        ("Description", Variant::from(description.to_string())),
        ("PIDs", Variant::from(processes.to_vec())),
        // The cgroup's files are ours, systemd keeps away from what is below, and it does not
        // end the scope when something in it is killed for want of memory (`OOMPolicy=`).
        ("Delegate", Variant::from(true)),
        // The manager's default would limit us where no limit was asked for.
        ("TasksMax", Variant::from(u64::MAX)),
        // Nothing of a run is left, also when it failed.
        ("CollectMode", Variant::from("inactive-or-failed")),
        // When the user's last session ends: SIGTERM, and after this SIGKILL. The keeper waits
        // for the supervisor in any case, so this is also how long a command has.
        ("TimeoutStopUSec", Variant::from(5_000_000_u64)),
    ]
}

/// Units to be made along with it: none.
fn auxiliary_units() -> Vec<(&'static str, Vec<(&'static str, Variant<'static>)>)> {
    Vec::new()
}

async fn ask<B: serde::Serialize + zbus::DynamicType>(
    connection: &Connection,
    destination: &str,
    object: &str,
    interface: &str,
    method: &str,
    body: &B,
) -> Result<Message, Refusal> {
    connection
        .call_method(Some(destination), object, Some(interface), method, body)
        .await
        .map_err(refusal)
}

async fn end_of_job(removals: &mut MessageStream, job: &ObjectPath<'_>) -> Result<String, Refusal> {
    loop {
        let next = poll_fn(|context| Pin::new(&mut *removals).poll_next(context)).await;
        let Some(message) = next else {
            return Err(hung_up());
        };
        let message = message.map_err(refusal)?;
        let body = message.body();
        let (_, removed, _, result): (u32, ObjectPath<'_>, &str, &str) =
            body.deserialize().map_err(refusal)?;
        if removed == *job {
            return Ok(result.to_string());
        }
    }
}

/// An error of the other side keeps its name and words; all else broke the talk off.
fn refusal(error: zbus::Error) -> Refusal {
    match error {
        zbus::Error::MethodError(name, words, _) => {
            Refusal::Error { name: cut(name.as_str()), words: cut(words.unwrap_or_default()) }
        }
        zbus::Error::FDO(error) => match *error {
            zbus::fdo::Error::ZBus(error) => refusal(error),
            error => Refusal::Error {
                name: cut(error.name().as_str()),
                words: cut(error.description().unwrap_or_default()),
            },
        },
        zbus::Error::InputOutput(_) => hung_up(),
        error => Refusal::Broken(cut(error.to_string())),
    }
}

fn hung_up() -> Refusal {
    Refusal::Broken("the bus hung up".into())
}
