//! `demo`: plays the whole flow once with a real MQTT client and shows what is allowed, what is refused, and why.

mod client;
mod example;
mod screen;
mod script;
mod witness;

use std::io;

use thiserror::Error;

use crate::clock;
use crate::issuer::{KeyError, MintError};
use crate::serve::{self, ServeError, ServeOptions};
use crate::token::{self, TokenError};

use screen::Screen;
use script::Play;
use witness::Witness;

/// Why nothing can be played, or not to the end.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The configuration has other rules than the play was written for.
    #[error(
        "the demo plays the example that comes with the project, and this is another configuration:\n  {}\n\
         Try yours with `cargo local` and `cargo local token`; the demo needs these parts as they came",
        .0.join("\n  ")
    )]
    OtherExample(Vec<String>),
    /// The front door does not open.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no issuer to mint for.
    #[error(transparent)]
    Issuer(#[from] TokenError),
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no token.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The front door is gone.
    #[error("the front door does not answer: {0}")]
    Door(io::Error),
}

/// Plays the demo on a front door of its own. Whether all went as it should; its last line says so, too.
///
/// # Errors
/// What keeps it from being played.
pub async fn run(options: &ServeOptions, colours: bool) -> Result<bool, DemoError> {
    let differences = example::differences(&options.function.config);
    if !differences.is_empty() {
        return Err(DemoError::OtherExample(differences));
    }
    let (running, workspace) = serve::open(options).await?;
    let issuer = token::choose(&workspace.issuers, None)?;
    let mut screen = Screen { colours, ..Screen::default() };
    greet(&screen, running.port);
    let witness = Witness::new(running.journal.subscribe());
    let mut play = Play { port: running.port, issuer, now: clock::now(), witness, screen: &mut screen };
    play.run().await?;
    Ok(screen.finish())
}

fn greet(screen: &Screen, port: u16) {
    screen.line(&format!(
        "The front door is open at ws://127.0.0.1:{port}/mqtt, and behind it `bootstrap` decides who comes in.\n\
         Each line is what the client sees. Below it is why, which only the operator is told: the statement of\n\
         the client's policy that decided, or the code of the authorizer's refusal."
    ));
}
