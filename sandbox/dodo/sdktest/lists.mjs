// Reads everything a Dodo Payments API has through the vendor's TypeScript
// library. Input and report are declared in report_test.go.
import { readFileSync } from 'node:fs';
import DodoPayments from 'dodopayments';

const input = JSON.parse(readFileSync(0, 'utf8'));
const client = new DodoPayments({ bearerToken: input.key, baseURL: input.base_url, webhookKey: input.webhook_key, maxRetries: 0 });
const report = { lists: {}, details: {}, without_page_number: [], webhooks: [], problems: [] };

// Without an explicit page_number the library takes the first page for number 1
// and never asks for that one.
const paged = { page_number: 0, page_size: input.page_size };

// add appends the rows of one list, an iterable of either kind.
async function add(list, rows) {
  const to = (report.lists[list] ??= []);
  for await (const row of rows) to.push(row);
}

// once returns the distinct values of some fields of a list's rows.
function once(list, ...fields) {
  const found = new Map(report.lists[list].map((row) => [fields.map((f) => row[f]).join(' '), row]));
  return [...found.values()].map((row) => (fields.length === 1 ? row[fields[0]] : row));
}

async function topLevel() {
  await add('payments', client.payments.list(paged));
  await add('subscriptions', client.subscriptions.list(paged));
  await add('customers', client.customers.list(paged));
  await add('license_keys', client.licenseKeys.list(paged));
  await add('license_key_instances', client.licenseKeyInstances.list(paged));
  await add('refunds', client.refunds.list(paged));
  await add('disputes', client.disputes.list(paged));
  await add('payouts', client.payouts.list(paged));
  await add('addons', client.addons.list(paged));
  await add('discounts', client.discounts.list(paged));
  await add('brands', (await client.brands.list({ include_archived: true })).items);
  await add('events', client.usageEvents.list(paged));
  await add('entitlements', client.entitlements.list(paged));
  await add('short_links', client.products.shortLinks.list(paged));
  await add('balance_ledger', client.balances.retrieveLedger(paged));
  await add('blocklist', client.blocklist.customers.list(paged));
  await add('webhooks', client.webhooks.list({ limit: 2 }));
  for (const hidden of [false, true]) {
    await add('products', client.products.list({ ...paged, archived: hidden }));
    await add('meters', client.meters.list({ ...paged, archived: hidden }));
    await add('product_collections', client.productCollections.list({ ...paged, archived: hidden }));
    await add('credit_entitlements', client.creditEntitlements.list({ ...paged, deleted: hidden }));
  }
}

async function perOwner() {
  for (const id of once('payments', 'payment_id')) {
    const items = await client.payments.retrieveLineItems(id);
    if (!items.currency) report.problems.push('line_items: no currency beside items');
    await add('line_items', items.items);
  }
  for (const id of once('payouts', 'payout_id')) {
    await add('payout_breakup', await client.payouts.breakup.retrieve(id));
    await add('payout_breakup_details', client.payouts.breakup.details.list(id, paged));
  }
  for (const id of once('products', 'product_id')) {
    await add('localized_prices', (await client.products.localizedPrices.list(id)).items);
  }
  for (const id of once('subscriptions', 'subscription_id')) {
    await add('usage_history', client.subscriptions.retrieveUsageHistory(id, paged));
    const usage = await client.subscriptions.retrieveCreditUsage(id);
    if (usage.subscription_id !== id) report.problems.push('credit_usage: no subscription_id beside items');
    await add('credit_usage', usage.items);
  }
  for (const id of once('entitlements', 'id')) {
    await add('entitlement_grants@entitlement', client.entitlements.grants.list(id, paged));
  }
  for (const id of once('customers', 'customer_id')) await perCustomer(id);
  for (const id of once('credit_entitlements', 'id')) {
    await add('credit_balances', client.creditEntitlements.balances.list(id, paged));
  }
  for (const { credit_entitlement_id, customer_id } of once('credit_balances', 'credit_entitlement_id', 'customer_id')) {
    const of = { ...paged, credit_entitlement_id };
    await add('credit_grants', client.creditEntitlements.balances.listGrants(customer_id, of));
    await add('credit_ledger', client.creditEntitlements.balances.listLedger(customer_id, of));
  }
}

async function perCustomer(id) {
  const { customers } = client;
  const wallets = await customers.wallets.list(id);
  if (!Number.isInteger(wallets.total_balance_usd)) report.problems.push('wallets: no total_balance_usd beside items');
  await add('wallets', wallets.items);
  await add('wallet_ledger', customers.wallets.ledgerEntries.list(id, paged));
  await add('emails', customers.emails.list(id, paged));
  await add('payment_methods', (await customers.retrievePaymentMethods(id)).items);
  await add('customer_entitlements', (await customers.listEntitlements(id)).items);
  await add('customer_credits', (await customers.listCreditEntitlements(id)).items);
  await add('entitlement_grants@customer', customers.listEntitlementGrants(id, paged));
}

async function details() {
  const first = (list, field = 'id') => report.lists[list][0][field];
  const { details } = report;
  details.payments = await client.payments.retrieve(first('payments', 'payment_id'));
  details.subscriptions = await client.subscriptions.retrieve(first('subscriptions', 'subscription_id'));
  details.customers = await client.customers.retrieve(first('customers', 'customer_id'));
  details.license_keys = await client.licenseKeys.retrieve(first('license_keys'));
  details.license_key_instances = await client.licenseKeyInstances.retrieve(first('license_key_instances'));
  details.refunds = await client.refunds.retrieve(first('refunds', 'refund_id'));
  details.disputes = await client.disputes.retrieve(first('disputes', 'dispute_id'));
  details.products = await client.products.retrieve(first('products', 'product_id'));
  details.addons = await client.addons.retrieve(first('addons'));
  details.discounts = await client.discounts.retrieve(first('discounts', 'discount_id'));
  details['discounts@code'] = await client.discounts.retrieveByCode(first('discounts', 'code'));
  details.brands = await client.brands.retrieve(first('brands', 'brand_id'));
  details.meters = await client.meters.retrieve(first('meters'));
  details.events = await client.usageEvents.retrieve(first('events', 'event_id'));
  details.entitlements = await client.entitlements.retrieve(first('entitlements'));
  details.credit_entitlements = await client.creditEntitlements.retrieve(first('credit_entitlements'));
  details.product_collections = await client.productCollections.retrieve(first('product_collections'));
  details.checkouts = await client.checkoutSessions.retrieve(input.checkout_id);
  details.webhooks = await client.webhooks.retrieve(first('webhooks'));
  details.blocklist = await client.blocklist.customers.retrieve(first('blocklist'));
  const [price] = report.lists.localized_prices;
  details.localized_prices = await client.products.localizedPrices.retrieve(price.id, { product_id: price.product_id });
  const [{ customer_id, credit_entitlement_id }] = report.lists.credit_balances;
  details.credit_balances = await client.creditEntitlements.balances.retrieve(customer_id, { credit_entitlement_id });
}

function webhooks() {
  for (const { body, headers } of input.webhooks) {
    report.webhooks.push(client.webhooks.unwrap(body, { headers }));
    try {
      client.webhooks.unwrap(body + ' ', { headers });
      report.problems.push(`webhook ${headers['webhook-id']}: accepted with a changed body`);
    } catch {} // as it should
  }
}

webhooks();
await topLevel();
await perOwner();
await details();
for await (const row of client.payments.list({ page_size: input.page_size })) report.without_page_number.push(row);
process.stdout.write(JSON.stringify(report));
