// Right: one command of a stock at a time, the next after its answer; a new connection has none under way (page W5).
import { serve } from "../../typescript/workbench.js";

serve(() => {
  const stocks = new Map(); // of each user
  const confirmed = new Set();
  const underWay = new Set();

  function compare() {
    const wanted = new Set([...stocks.values()].flatMap((own) => [...own]));
    const actions = [];
    for (const stock of new Set([...wanted, ...confirmed])) {
      if (underWay.has(stock) || wanted.has(stock) === confirmed.has(stock)) continue;
      underWay.add(stock);
      actions.push({ type: wanted.has(stock) ? "channel_subscribe" : "channel_unsubscribe", stock });
    }
    return actions;
  }

  function on(_now, event) {
    switch (event.type) {
      case "connected":
        confirmed.clear();
        underWay.clear();
        break;
      case "channel_subscribed":
        confirmed.add(event.stock);
        underWay.delete(event.stock);
        break;
      case "channel_unsubscribed":
        confirmed.delete(event.stock);
        underWay.delete(event.stock);
        break;
      case "user_subscribe":
        if (!stocks.has(event.user)) stocks.set(event.user, new Set());
        stocks.get(event.user).add(event.stock);
        break;
      case "user_unsubscribe": stocks.get(event.user)?.delete(event.stock); break;
      case "user_disconnected": stocks.delete(event.user); break;
      case "price": {
        const { stock, number } = event;
        const users = [...stocks.keys()].filter((user) => stocks.get(user).has(stock));
        return users.map((user) => ({ type: "send", user, stock, number }));
      }
    }
    return compare();
  }
  return { on };
});
