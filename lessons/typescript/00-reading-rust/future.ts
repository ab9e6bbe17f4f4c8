async function subscribe(stock: string): Promise<number> {
  console.log(`SUBSCRIBE ${stock}`);
  return 1;
}

const asked = subscribe("APPL");
console.log("a promise is made");
console.log(`subscribed to ${await asked}`);
