// Installed by `atomic init`. Tells `atomic hook opencode` which of its commands a session used,
// so that they can be counted by whoever has agreed to that (`atomic telemetry status`).
// Silent and harmless where there is no `atomic`. Needs OpenCode 1.15.13 or newer (`dispose`).
import { spawn, spawnSync } from "node:child_process"

const TIME_LIMIT = 5000 // milliseconds

export const AtomicTelemetry = async ({ client }) => {
  const parents = new Map() // session id -> id of the session that started it, or undefined
  const used = new Set() // sessions with commands
  const running = new Set() // hooks on their way

  // A sub-agent works in a session of its own; what it does counts for the one it works for.
  const root = async (id) => {
    for (let depth = 0; depth < 8; depth++) {
      if (!parents.has(id)) {
        const found = await client.session.get({ path: { id } }).catch(() => undefined)
        parents.set(id, found?.data?.parentID)
      }
      const parent = parents.get(id)
      if (!parent) break
      id = parent
    }
    return id
  }

  const tell = (payload) =>
    new Promise((resolve) => {
      const hook = spawn("atomic", ["hook", "opencode"], {
        stdio: ["pipe", "ignore", "ignore"],
        windowsHide: true,
      })
      const limit = setTimeout(() => hook.kill(), TIME_LIMIT)
      const end = () => (clearTimeout(limit), resolve(undefined))
      hook.on("error", end)
      hook.on("close", end)
      hook.stdin.on("error", () => {})
      hook.stdin.end(JSON.stringify(payload))
    })

  return {
    event: async ({ event }) => {
      const info = event.type === "session.created" ? event.properties?.info : undefined
      if (info) parents.set(info.id, info.parentID)
    },
    "command.execute.before": async ({ command, sessionID }) => {
      const told = (async () => {
        const session = await root(sessionID)
        used.add(session)
        await tell({ event: "command", session, command })
      })().catch(() => {})
      running.add(told)
      told.then(() => running.delete(told)) // not awaited: the command does not wait for us
    },
    dispose: async () => {
      await Promise.all(running)
      if (used.size === 0) return
      // Not spawn: OpenCode may be gone before an answer would come.
      spawnSync("atomic", ["hook", "opencode"], {
        input: JSON.stringify({ event: "end", sessions: [...used] }),
        stdio: ["pipe", "ignore", "ignore"],
        timeout: TIME_LIMIT,
        windowsHide: true,
      })
      used.clear()
    },
  }
}
