// Right: what users want, what was asked for on this connection, and the difference.
import { serve } from "../../typescript/workbench.js";

serve(() => {
  const stocks = new Map(); // of each user
  let asked = new Set();

  function on(_now, event) {
    switch (event.type) {
      case "connected": asked.clear(); break;
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
    const wanted = new Set([...stocks.values()].flatMap((own) => [...own]));
    const subscribe = [...wanted].filter((stock) => !asked.has(stock));
    const unsubscribe = [...asked].filter((stock) => !wanted.has(stock));
    asked = wanted;
    return [
      ...subscribe.map((stock) => ({ type: "channel_subscribe", stock })),
      ...unsubscribe.map((stock) => ({ type: "channel_unsubscribe", stock })),
    ];
  }
  return { on };
});
