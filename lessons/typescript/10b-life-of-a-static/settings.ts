console.log("the settings are read");

export let settings = { mostUsers: 100 };

export function reload(): void {
  settings = { mostUsers: 500 };
}
