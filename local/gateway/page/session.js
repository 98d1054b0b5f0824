// What the tab remembers until it is closed or the user signs out.

const TOKEN_KEY = "iot-local-token";
/** The request of a sign-in at the user's own issuer. */
export const REQUEST_KEY = "iot-local-issuer";
/** The token of such a sign-in, on its way to the main page. */
export const RESULT_KEY = "iot-local-issued";
/** The request of a sign-in on the login page. */
export const LOGIN_KEY = "iot-local-login";

/** Keeps a session for a reload. Only tokens of the development issuer are kept. */
export function keep(session) {
  if (session.kind === "development") sessionStorage.setItem(TOKEN_KEY, JSON.stringify(session));
}

/** Returns the kept session, or null. */
export const kept = () => JSON.parse(sessionStorage.getItem(TOKEN_KEY) ?? "null");

export const forget = () => [TOKEN_KEY, REQUEST_KEY, RESULT_KEY, LOGIN_KEY].forEach((key) => sessionStorage.removeItem(key));

/** Returns and removes the value of a key, or null. */
export function take(key) {
  const value = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return value;
}
