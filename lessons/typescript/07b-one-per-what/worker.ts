import { parentPort } from "node:worker_threads";
import { next, nextOfTheRealm } from "./store.js";

parentPort?.postMessage([next(), nextOfTheRealm()]);
