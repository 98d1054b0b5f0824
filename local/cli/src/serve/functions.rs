//! Which functions the options run: that of the built-in authorizer, and further ones.

use crate::launch::{FunctionArgs, NamedFunction};

/// The name of the function that `--function` runs.
const DEFAULT_NAME: &str = "iot-jwt-authorizer";

/// Two options run functions of one name, which only one of them can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} are for one function; expected one of them")]
pub(crate) struct FunctionConflict {
    first: String,
    second: String,
}

/// Returns the function of the built-in authorizer, which `--lambda` can name, and the further ones.
pub(super) fn of_options(
    mut function: FunctionArgs,
    lambdas: Vec<NamedFunction>,
) -> Result<(FunctionArgs, Vec<NamedFunction>), FunctionConflict> {
    let option = |named: &NamedFunction| format!("--lambda {}={}", named.name, named.function);
    for (index, named) in lambdas.iter().enumerate() {
        if let Some(earlier) = lambdas.iter().take(index).find(|earlier| earlier.name == named.name) {
            return Err(FunctionConflict { first: option(earlier), second: option(named) });
        }
    }
    let (own, lambdas): (Vec<_>, Vec<_>) =
        lambdas.into_iter().partition(|lambda| lambda.name == DEFAULT_NAME);
    for named in own {
        let bootstrap = function.bootstrap.as_ref().map(|path| format!("--bootstrap {}", path.display()));
        let other = function.function.as_ref().map(|text| format!("--function {text}"));
        if let Some(first) = other.or(bootstrap) {
            return Err(FunctionConflict { first, second: option(&named) });
        }
        function.function = Some(named.function);
    }
    Ok((function, lambdas))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::serve::ServeArgs;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    /// The function of the built-in authorizer, and the names of the further ones.
    fn functions_of(line: &[&str]) -> Result<(Option<String>, Vec<String>), String> {
        let args = Line::parse_from(["serve"].iter().chain(line)).args;
        let (function, lambdas) =
            of_options(args.function, args.lambdas).map_err(|error| error.to_string())?;
        Ok((function.function, lambdas.into_iter().map(|lambda| lambda.name).collect()))
    }

    #[test]
    fn one_option_runs_a_function() {
        const OWN: &str = "iot-jwt-authorizer=./own";
        for (line, expected) in [
            (&["--lambda", "a=./a", "--lambda", "b=./a"][..], (None, vec!["a", "b"])),
            (&["--lambda", "a=./a", "--function", "./f"], (Some("./f"), vec!["a"])),
            (&["--lambda", "a=./a", "--bootstrap", "./b"], (None, vec!["a"])),
            (&["--lambda", OWN, "--lambda", "a=./a"], (Some("./own"), vec!["a"])),
        ] {
            let (function, names) = functions_of(line).unwrap();
            let names = names.iter().map(String::as_str).collect::<Vec<_>>();
            assert_eq!((function.as_deref(), names), expected, "{line:?}");
        }
        for (line, first, second) in [
            (
                &["--lambda", OWN, "--function", "./f"][..],
                "--function ./f",
                "--lambda iot-jwt-authorizer=./own",
            ),
            (
                &["--function", "./own", "--lambda", OWN],
                "--function ./own",
                "--lambda iot-jwt-authorizer=./own",
            ),
            (
                &["--lambda", OWN, "--bootstrap", "./b"],
                "--bootstrap ./b",
                "--lambda iot-jwt-authorizer=./own",
            ),
            (&["--lambda", OWN, "--lambda", OWN], "--lambda iot-jwt-", "--lambda iot-jwt-"),
            (&["--lambda", "a=./a", "--lambda", "a=./b"], "--lambda a=./a", "--lambda a=./b"),
            (
                &["--lambda", "a=./a", "--lambda", "b=./b", "--lambda", "a=./a"],
                "--lambda a=./a",
                "--lambda a=./a",
            ),
        ] {
            let error = functions_of(line).unwrap_err();
            assert!(
                error.starts_with(first) && error.contains(&format!(" and {second}")),
                "{line:?}: {error}"
            );
        }
    }
}
