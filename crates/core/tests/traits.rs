//! What the compiler must let users do: send runs to tasks, share handles, hold streams anywhere.

use mainstem_core::{
    ChunkBatches, Context, ContextSnapshot, Error, ErrorInfo, Event, EventKind, Json,
    MemoryJournal, MemoryStore, Message, Model, ModelRequest, ModelSettings, ModelStream, Outcome,
    Run, RunContext, RunFuture, RunResult, RunStream, StepError, StepPath, StopHandle, Store, Text,
    TextStream, Thread, TimedStream, Tool,
};

/// Is `Send`, and neither `Sync` nor `Clone`: the least that an output can be.
type Output = std::cell::Cell<u8>;

const fn send<T: Send + 'static>() {}
const fn sync<T: Send + Sync + 'static>() {}
const fn unpin<T: Send + Unpin + 'static>() {}
const fn clone<T: Clone + Send + Sync + 'static>() {}
const fn error<T: std::error::Error + Send + Sync + 'static>() {}

const _: () = {
    send::<Run<Output>>();
    send::<RunStream<Output>>();
    send::<RunFuture<Output>>();
    send::<StepError>();

    unpin::<RunStream<Output>>();
    unpin::<RunFuture<Output>>();
    unpin::<TextStream<Output>>();
    unpin::<ChunkBatches<Output>>();
    unpin::<TimedStream>();
    unpin::<ModelStream>();
    // Also of an output that can't be moved out of its place.
    unpin::<RunStream<std::marker::PhantomPinned>>();

    clone::<RunContext>();
    clone::<StopHandle>();
    clone::<Context>();
    clone::<Thread>();
    clone::<ContextSnapshot>();
    clone::<Error>();
    clone::<ErrorInfo>();
    clone::<Event>();
    clone::<EventKind>();
    clone::<Json>();
    clone::<Message>();
    clone::<ModelRequest>();
    clone::<ModelSettings>();
    clone::<MemoryJournal>();
    clone::<MemoryStore>();
    clone::<Outcome<u8>>();
    clone::<RunResult<u8>>();
    clone::<StepPath>();
    clone::<Text>();

    error::<Error>();
    sync::<Box<dyn Model>>();
    sync::<Box<dyn Store>>();
    sync::<Box<dyn Tool>>();
};

#[test]
fn an_output_needs_no_more_than_serialize_and_send() {
    #[derive(serde::Serialize)]
    struct Plain(std::cell::Cell<u8>);

    let run = Run::new("plain", |_| async { Ok(Plain(7.into())) });
    let thread = std::thread::spawn(|| futures::executor::block_on(run.into_future()));
    let Ok(result) = thread.join().expect("the thread ends") else {
        unreachable!("the run can't fail")
    };
    assert_eq!(result.output.0.get(), 7);
}
