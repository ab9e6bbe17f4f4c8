// Right, and slow: a timer compares what users want with what was asked for, once a second (page W5).
import { serve } from "../../typescript/workbench.js";

serve(() => {
  const stocks = new Map(); // of each user
  const asked = new Set();
  let isTimed = false;

  function compare() {
    const wanted = new Set([...stocks.values()].flatMap((own) => [...own]));
    const actions = [];
    for (const stock of wanted) if (!asked.has(stock)) actions.push({ type: "channel_subscribe", stock });
    for (const stock of asked) if (!wanted.has(stock)) actions.push({ type: "channel_unsubscribe", stock });
    asked.clear();
    for (const stock of wanted) asked.add(stock);
    return [...actions, { type: "set_timer", after: 1000, name: "compare" }];
  }

  function on(_now, event) {
    switch (event.type) {
      case "connected":
        asked.clear();
        if (isTimed) return [];
        isTimed = true;
        return [{ type: "set_timer", after: 1000, name: "compare" }];
      case "user_subscribe":
        if (!stocks.has(event.user)) stocks.set(event.user, new Set());
        stocks.get(event.user).add(event.stock);
        return [];
      case "user_unsubscribe": stocks.get(event.user)?.delete(event.stock); return [];
      case "user_disconnected": stocks.delete(event.user); return [];
      case "price": {
        const { stock, number } = event;
        const users = [...stocks.keys()].filter((user) => stocks.get(user).has(stock));
        return users.map((user) => ({ type: "send", user, stock, number }));
      }
      case "timer": return compare();
      default: return [];
    }
  }
  return { on };
});
