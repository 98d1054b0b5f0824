//! `schema`: prints the JSON Schema of a file, for editors.

use std::io::{self, Write};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use iot_local_inspect::schema::SchemaFile;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// File to describe: authorizer.toml, provision.toml, or policies/NAME.cases.json
    #[arg(default_value = SchemaFile::Authorizer.name(), value_parser = file_parser())]
    file: SchemaFile,
}

/// Prints the schema.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn run(args: &SchemaArgs, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(args.file.text().as_bytes())
}

fn file_parser() -> impl TypedValueParser<Value = SchemaFile> {
    PossibleValuesParser::new(SchemaFile::ALL.map(SchemaFile::name))
        .try_map(|name| SchemaFile::parse(&name).ok_or("unknown file"))
}
