#!/usr/bin/env node
/** @file The program `sluice`. Everything happens in `run.ts`; here it only meets the process. Node-only. */
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
